-- Every request makes a resource that was not there before, below one of several parents.
-- KEY and the numbers of a run are filled in by whoever writes this script.
local made = 0
local run, parents

init = function(arguments)
  run, parents = arguments[1], tonumber(arguments[2])
  wrk.method = "POST"
  wrk.path = "/starlane.v1.Resources/Create"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer KEY"
end

request = function()
  made = made + 1
  local body = string.format('{"path":"bench:p%d:r%s-%d","kind":"Base"}', made % parents, run, made)
  return wrk.format(nil, nil, nil, body)
end
