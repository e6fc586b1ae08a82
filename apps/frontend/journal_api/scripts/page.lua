-- Ids and values of the entries below `max`, newest first, `count` at most: {id, value, id, value, ...}.
local function page(index, entries, max, count)
    local found = {}
    local ids = redis.call('ZREVRANGEBYLEX', index, max, '-', 'LIMIT', 0, count)
    if #ids > 0 then
        local values = redis.call('HMGET', entries, unpack(ids))
        for i, id in ipairs(ids) do
            found[2 * i - 1], found[2 * i] = id, values[i]
        end
    end
    return found
end

-- Microseconds since 1970 by the server's clock.
local function now()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end
