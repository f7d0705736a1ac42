#!lua
-- Move an original back from the dead letters to the events, once. KEYS: dead, events. ARGV: id, fields and values.
-- Returns the new entry's id, or "" when the letter is not there any more.
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
  return ''
end
return redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
