-- KEYS: the old journal, where it is kept, index, entries. ARGV: the old journal as it was read, its items, oldest first.
-- Answers how many there are, -1 when the old journal has changed since. They come before every entry that is there.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return -1
end
local oldest = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
local before = oldest and tonumber(string.sub(oldest, 1, 13), 16) or now()
local count = #ARGV - 1
for i = 1, count do
    local time = before - count + i - 1
    local id = string.format('%013x', time) .. '00000000'
    redis.call('ZADD', KEYS[3], 0, id)
    redis.call('HSET', KEYS[4], id, string.format('%d', time) .. ' ' .. ARGV[i + 1])
end
redis.call('RENAME', KEYS[1], KEYS[2])
return count
