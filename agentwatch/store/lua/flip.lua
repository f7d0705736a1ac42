#!lua
-- Publish a checkpoint whose chunks are all written, and let those of the one before go.
-- KEYS: token, committed, checkpoint, the chunks of the new one, the chunks that only the old one had.
-- ARGV: token, number of the commit that it belongs to, pointer (JSON), number of new chunks.
-- Returns a word, and a detail.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'fenced', redis.call('GET', KEYS[1]) or ''}
end
local number = tonumber(redis.call('HGET', KEYS[2], 'number') or 0)
if tonumber(ARGV[2]) > number then
  return {'behind', tostring(number)}
end
local chunks = tonumber(ARGV[4])
for i = 4, 3 + chunks do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    return {'missing', KEYS[i]}
  end
end
for i = 4, 3 + chunks do
  redis.call('PERSIST', KEYS[i])
end
redis.call('SET', KEYS[3], ARGV[3])
for i = 4 + chunks, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
return {'ok', ''}
