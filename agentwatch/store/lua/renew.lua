#!lua
-- Extend a lease that nobody has taken over since. KEYS: token, owner. ARGV: token, who, lease in ms.
-- Returns 1, or 0 when a higher token was drawn.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
