#!lua
-- Add what commits owe to the ledgers of their days, and strike it off, at once or not at all. What cannot be added is
-- put back at the end.
--
-- KEYS: token, committed, owed, then the ledgers.
-- ARGV: token, how much was settled before, how many rows of what is owed are settled now, most ledger fields, ledger
--       expiry s, lines, how many rows come next of all; then for each line: key index, line, overflow line, and for
--       each metric its amount; then the rows that come next, and those that are put back at the end.
-- Returns a word (ok, fenced, moved, type) and a detail: of ok how many sums were passed over, being out of range.
local METRICS = {'events', 'input_tokens', 'output_tokens', 'cost_nusd', 'unpriced', 'looping_nusd'}
local MANY = 1000  -- fields of one command
local EXACT = 2 ^ 53  -- below it every whole number is a double

local present = redis.call('GET', KEYS[1])
if present ~= ARGV[1] then
  return {'fenced', present or ''}
end
local before = redis.call('HMGET', KEYS[2], 'ledger_settled', 'ledger_refused')
if tonumber(before[1] or 0) ~= tonumber(ARGV[2]) or redis.call('LLEN', KEYS[3]) < tonumber(ARGV[3]) then
  return {'moved', ''}  -- an answer was lost: it was done already
end
local lines, most = tonumber(ARGV[6]), tonumber(ARGV[4])
local roomy = {}  -- ledgers that hold all of these lines, even if each of them is new
for i = 4, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= 'hash' then
    return {'type', KEYS[i] .. ' is a ' .. kind .. ', not a hash'}
  end
  roomy[i - 3] = redis.call('HLEN', KEYS[i]) + lines * #METRICS < most
end

local refused, next_arg = tonumber(before[2] or 0), 8
local fields, amounts = {}, {}  -- by ledger
for i = 1, #KEYS - 3 do
  fields[i], amounts[i] = {}, {}
end

local function raise(key, field, amount)
  local added = redis.pcall('HINCRBY', key, field, amount)
  if type(added) == 'table' and added.err then
    refused = refused + 1
  end
end

for _ = 1, lines do
  local ledger = tonumber(ARGV[next_arg])
  local key, line = KEYS[3 + ledger], ARGV[next_arg + 1]
  local roomless = not roomy[ledger]
  if roomless and redis.call('HLEN', key) >= most and redis.call('HEXISTS', key, line .. '|events') == 0 then
    line = ARGV[next_arg + 2]
  end
  for m = 1, #METRICS do
    local amount = ARGV[next_arg + 2 + m]
    if amount ~= '0' then
      if roomless then
        raise(key, line .. '|' .. METRICS[m], amount)
      else
        fields[ledger][#fields[ledger] + 1] = line .. '|' .. METRICS[m]
        amounts[ledger][#amounts[ledger] + 1] = amount
      end
    end
  end
  next_arg = next_arg + 3 + #METRICS
end

-- One command for many fields; each field is here once. What a double does not hold is left to HINCRBY.
for ledger = 1, #KEYS - 3 do
  local key, names, adds = KEYS[3 + ledger], fields[ledger], amounts[ledger]
  for first = 1, #names, MANY do
    local last, changed = math.min(first + MANY - 1, #names), {}
    local found = redis.call('HMGET', key, unpack(names, first, last))
    for i = first, last do
      local had = found[i - first + 1] or '0'
      local sum = string.match(had, '^-?%d+$') and tonumber(had) + tonumber(adds[i])
      if sum and math.abs(tonumber(had)) < EXACT and math.abs(tonumber(adds[i])) < EXACT and math.abs(sum) < EXACT then
        changed[#changed + 1] = names[i]
        changed[#changed + 1] = string.format('%.0f', sum)
      else
        raise(key, names[i], adds[i])
      end
    end
    if #changed > 0 then
      redis.call('HSET', key, unpack(changed))
    end
  end
end

for i = 4, #KEYS do
  redis.call('EXPIRE', KEYS[i], ARGV[5])
end
redis.call('LTRIM', KEYS[3], ARGV[3], -1)
for _ = 1, tonumber(ARGV[7]) do
  redis.call('LPUSH', KEYS[3], ARGV[next_arg])
  next_arg = next_arg + 1
end
for i = next_arg, #ARGV do
  redis.call('RPUSH', KEYS[3], ARGV[i])
end
redis.call('HSET', KEYS[2], 'ledger_settled', string.format('%.0f', tonumber(ARGV[2]) + tonumber(ARGV[3])),
  'ledger_refused', string.format('%.0f', refused))
return {'ok', string.format('%.0f', refused - tonumber(before[2] or 0))}
