#!lua
-- Let the oldest records of the audit log go, and keep where it begins since. KEYS: token, committed, audit.
-- ARGV: token, the anchor (JSON), the number of the first record that stays. Returns how many went, or -1 when fenced.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
redis.call('HSET', KEYS[2], 'audit_anchor', ARGV[2])
return redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3] .. '-0')
