-- Take one call of every subject at once, or of none.
-- KEYS: the subjects' limit keys, each holding the microsecond from which the next call may pass.
-- ARGV: for each key the interval between two calls in microseconds.
-- Returns 0 when the call may pass now, else the microseconds until it is worth asking again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait = 0
for i, key in ipairs(KEYS) do
  local free = math.min(tonumber(redis.call('GET', key)) or now, now + tonumber(ARGV[i]))
  wait = math.max(wait, free - now)
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[i])
  redis.call('SET', key, string.format('%.0f', now + interval), 'PX', math.ceil(interval / 1000) + 1)
end
return 0
