-- Prints the figures of a run as one line of JSON; times in microseconds.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'figures: {"requests":%d,"seconds":%.6f,"p50_us":%.1f,"p99_us":%.1f,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status
  ))
end
