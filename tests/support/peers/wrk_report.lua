-- Makes wrk end its run with one line that a program can read. Nothing here runs while requests are made.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'report {"requests": %d, "bytes": %d, "seconds": %.6f, "connect_errors": %d, "read_errors": %d, ' ..
    '"write_errors": %d, "status_errors": %d, "timeouts": %d, "p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "max_us": %.1f}\n',
    summary.requests, summary.bytes, summary.duration / 1e6, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
