#!lua
-- Take a partition whose lease is free.
-- KEYS: token, owner. ARGV: who, lease in ms, an owner to take over from although its lease has not ended ("" = none).
-- Returns the new token, or minus the ms until the present lease ends, and who holds it.
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[3] then
  return {-math.max(1, redis.call('PTTL', KEYS[2])), owner}
end
local token = redis.call('INCR', KEYS[1])
redis.call('SET', KEYS[2], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return {token, ''}
