#!lua
-- Write all that one batch changes, or nothing. Scripts do not roll back, so everything is checked before the first
-- write. What is owed to the ledgers is only left here; `settle.lua` adds it to them.
--
-- KEYS: token, owner, committed, events, decisions, incidents, dead, inputs, standing, owed,
--       then the control keys to set, the control keys to clear, and the audit log.
-- ARGV: token, who, lease ms, number, at, positions (events controls acks index seq), gap, inputs record,
--       group, most dead letters, most inputs,
--       records for the audit log, the first's number, the last's hash,
--       counts (entries, decisions, incidents, dead, commands, cleared), a row for the ledgers (or ''), then in turn:
--       entries: all ids in one, as msgpack; decisions: seq, json; incidents: json; dead: json, field, reason;
--       commands: subject, channel, json, expiry ms (0 = none), epoch; cleared: subject, channel;
--       audit: number, json, hash, signature.
-- Returns a word (ok, again, fenced, lost, type, ahead) and a detail.
local TYPES = {[3] = 'hash', [4] = 'stream', [5] = 'stream', [6] = 'stream', [7] = 'stream', [8] = 'stream', [9] = 'zset',
  [10] = 'list'}

local token, number = ARGV[1], tonumber(ARGV[4])
local counts = {}
for i = 1, 6 do
  counts[i] = tonumber(ARGV[18 + i])
end
local audits, audit_key = tonumber(ARGV[16]), KEYS[#KEYS]
local next_arg = 26

local function last_id(key)
  if redis.call('EXISTS', key) == 0 then
    return 0, 0
  end
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local first, second = string.match(info[i + 1], '(%d+)-(%d+)')
      return tonumber(first), tonumber(second)
    end
  end
  return 0, 0
end

-- 1. Check.
local present = redis.call('GET', KEYS[1])
if present ~= token then
  return {'fenced', present or ''}
end
for i = 3, 10 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= TYPES[i] then
    return {'type', KEYS[i] .. ' is a ' .. kind .. ', not a ' .. TYPES[i]}
  end
end
local audit_kind = redis.call('TYPE', audit_key).ok
if audit_kind ~= 'none' and audit_kind ~= 'stream' then
  return {'type', audit_key .. ' is a ' .. audit_kind .. ', not a stream'}
end
local before = redis.call('HMGET', KEYS[3], 'number', 'token', 'entries', 'lost')
local stored = tonumber(before[1] or 0)
if stored == number and before[2] == token then
  return {'again', ''}
end
if stored ~= number - 1 then
  return {'lost', tostring(stored)}
end
local last_decision = last_id(KEYS[5])
if counts[2] > 0 and tonumber(ARGV[next_arg + 1]) <= last_decision then
  return {'ahead', 'the decision log holds ' .. last_decision}
end
if audits > 0 and last_id(audit_key) >= tonumber(ARGV[17]) then
  return {'ahead', 'the audit log holds record ' .. last_id(audit_key)}
end
if last_id(KEYS[8]) >= number then
  return {'ahead', 'the inputs hold commit ' .. number}
end
local incident_major, incident_minor = last_id(KEYS[6])
if tonumber(ARGV[10]) > incident_major then
  incident_major, incident_minor = tonumber(ARGV[10]), 0
end

-- 2. Write. Entries are acknowledged last.
local entries = cmsgpack.unpack(ARGV[next_arg])
next_arg = next_arg + 1
redis.call('XADD', KEYS[8], 'MAXLEN', '~', ARGV[15], string.format('%.0f-0', number), 'data', ARGV[12])
for _ = 1, counts[2] do
  redis.call('XADD', KEYS[5], ARGV[next_arg] .. '-0', 'data', ARGV[next_arg + 1])
  next_arg = next_arg + 2
end
for _ = 1, counts[3] do
  incident_minor = incident_minor + 1
  redis.call('XADD', KEYS[6], string.format('%.0f-%.0f', incident_major, incident_minor), 'data', ARGV[next_arg])
  next_arg = next_arg + 1
end
for _ = 1, counts[4] do
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[14], '*', 'data', ARGV[next_arg],
    'field', ARGV[next_arg + 1], 'reason', ARGV[next_arg + 2])
  next_arg = next_arg + 3
end

if ARGV[25] ~= '' then
  redis.call('RPUSH', KEYS[10], ARGV[25])
end
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', '(' .. (time[1] * 1000 + math.floor(time[2] / 1000)))
local next_key = 11
local wakes = {}
for _ = 1, counts[5] do
  local subject, channel, json, expiry, epoch = unpack(ARGV, next_arg, next_arg + 4)
  if expiry == '0' then
    redis.call('SET', KEYS[next_key], json)
    redis.call('ZADD', KEYS[9], '+inf', subject)
  else
    redis.call('SET', KEYS[next_key], json, 'PXAT', expiry)
    redis.call('ZADD', KEYS[9], expiry, subject)
  end
  wakes[#wakes + 1] = {channel, epoch}
  next_key, next_arg = next_key + 1, next_arg + 5
end
for _ = 1, counts[6] do
  redis.call('DEL', KEYS[next_key])
  redis.call('ZREM', KEYS[9], ARGV[next_arg])
  wakes[#wakes + 1] = {ARGV[next_arg + 1], '0'}
  next_key, next_arg = next_key + 1, next_arg + 2
end
for _ = 1, audits do
  redis.call('XADD', audit_key, ARGV[next_arg] .. '-0', 'data', ARGV[next_arg + 1], 'hash', ARGV[next_arg + 2],
    'sig', ARGV[next_arg + 3])
  next_arg = next_arg + 4
end
for _, wake in ipairs(wakes) do
  redis.call('PUBLISH', wake[1], wake[2])
end

redis.call('HSET', KEYS[3], 'number', ARGV[4], 'token', token, 'at', ARGV[5],
  'events', ARGV[6], 'controls', ARGV[7], 'acks', ARGV[8], 'index', ARGV[9], 'seq', ARGV[10],
  'entries', string.format('%.0f', tonumber(before[3] or 0) + counts[1]),
  'lost', string.format('%.0f', tonumber(before[4] or 0) + tonumber(ARGV[11])))
if audits > 0 then
  redis.call('HSET', KEYS[3], 'audit_seq', string.format('%.0f', tonumber(ARGV[17]) + audits - 1), 'audit_head', ARGV[18])
end
redis.call('SET', KEYS[2], token .. ' ' .. ARGV[2], 'PX', ARGV[3])
for first = 1, counts[1], 1000 do
  redis.call('XACK', KEYS[4], ARGV[13], unpack(entries, first, math.min(first + 999, counts[1])))
end
return {'ok', ''}
