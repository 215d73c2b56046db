-- Every request posts the same bytes: those of the file that is the first argument, of the type
-- that is the second. KEY is filled in by whoever writes this script.
init = function(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = arguments[2]
  wrk.headers["Authorization"] = "Bearer KEY"
  file:close()
end
