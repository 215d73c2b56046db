-- Every request asks for the next one of the resources of a forest: ten Spaces with SPACE
-- resources each, a thousand below each parent. KEY and SPACE are filled in by whoever writes
-- this script.
local next = 0

init = function()
  wrk.method = "POST"
  wrk.path = "/starlane.v1.Resources/Info"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer KEY"
end

request = function()
  local number = next % (10 * SPACE)
  next = next + 1
  local space, place = math.floor(number / SPACE), number % SPACE
  local path = string.format("bench-%d:p%04d:n%03d", space, math.floor(place / 1000), place % 1000)
  return wrk.format(nil, nil, nil, '{"path":"' .. path .. '"}')
end
