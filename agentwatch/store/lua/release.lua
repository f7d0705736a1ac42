#!lua
-- Give a lease back if it is still held. KEYS: owner. ARGV: the owner's value.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
