#!lua
-- Record how far a sink has come, and when by the server's clock: a sink that does not move for days is not waited for.
-- KEYS: the sink's cursor, the cursors. ARGV: the position, the sink.
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[2])
return 1
