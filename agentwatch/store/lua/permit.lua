#!lua
-- Reserve a kill in every scope that it counts in, or in none; or, with no subject, only let time pass.
-- KEYS: clock, then for each scope: the kills of it, then the populations of each partition.
-- ARGV: subject ("" = none), number of scopes, window in ms, leap in ms, share, fewest runs for a share, limit below
--       them, then the scopes' names.
-- Time that nobody saw does not pass: a clock that is set frees no permit.
-- Returns 'ok', or the scope that is full, with what is used of it and what is allowed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or now)
local passed = tonumber(redis.call('HGET', KEYS[1], 'passed') or 0)
local step = now - last
if step > 0 and step <= tonumber(ARGV[4]) then
  passed = passed + step
end
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', now), 'passed', string.format('%.0f', passed))
if ARGV[1] == '' then
  return {'ok', 0, 0}
end

local scopes, window = tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 1, scopes do
  local kills, name = KEYS[1 + i], ARGV[7 + i]
  redis.call('ZREMRANGEBYSCORE', kills, '-inf', string.format('%.0f', passed - window))
  if not redis.call('ZSCORE', kills, ARGV[1]) then
    local population = 0
    for k = 2 + scopes, #KEYS do
      population = population + tonumber(redis.call('HGET', KEYS[k], name) or 0)
    end
    local allowed = tonumber(ARGV[7])
    if population >= tonumber(ARGV[6]) then
      allowed = math.max(1, math.floor(tonumber(ARGV[5]) * population))
    end
    local used = redis.call('ZCARD', kills)
    if used >= allowed then
      return {name, used, allowed}
    end
  end
end
for i = 1, scopes do
  redis.call('ZADD', KEYS[1 + i], string.format('%.0f', passed), ARGV[1])
end
return {'ok', 0, 0}
