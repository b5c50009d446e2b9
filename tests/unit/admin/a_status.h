// A status with something in every corner, for the tests of what is shown of one.
#pragma once

#include "server/status.h"

namespace weir::admin {

inline server::ProcessStatus a_status() {
  server::ProcessStatus status;
  status.connections = 3;
  status.max_connections = 100;
  status.max_connections_asked = 200;
  status.log_lines_lost = 4;
  status.workers = {{10, 1, 0}, {20, 2, 3}};
  status.workers[1].is_retired = true;
  status.workers[1].turns.buckets = {5, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  status.workers[1].turns.microseconds = 2'500'000;
  status.workers[1].turn_age = base::Micros(1'500);
  status.facts = {12, 1'024, 4'096, 8'192, base::Micros(3'000'001), base::Micros(1'764'468'000'250'000)};
  for (const char* name : {"web", "q\"\\\n"}) {
    server::ListenerStatus listener;
    listener.name = name;
    listener.accepted = 30;
    listener.open = 3;
    listener.handed_over = 5;
    listener.durations.buckets[2] = 27;
    listener.durations.microseconds = 1'350'000;
    listener.upload_bytes = 18'446'744'073'709'551'615ull;
    listener.download_bytes = 7;
    listener.closed[static_cast<std::size_t>(session::CloseReason::kIdleTimeout)] = 27;
    listener.refused[static_cast<std::size_t>(admission::Refusal::kProcessConnections)] = 8;
    listener.paused[static_cast<std::size_t>(admission::Refusal::kNoDescriptors)] = 9;
    status.listeners.push_back(listener);
  }
  status.when_full = "wait";
  status.rate = {{60, std::chrono::seconds(60)}, 7, 4};
  server::LimitsStatus& own = status.limits.emplace_back();
  own.name = "listeners.web.limits";
  own.listeners = {"web"};
  own.most_connections = 50;
  own.connections = 3;
  own.rate = {{100, std::chrono::seconds(1)}, 20, 5};
  own.most_client_connections = 10;
  own.client_rate = {{5, std::chrono::seconds(3600)}, 6, 0};
  own.upload_rate = {1'048'576, std::chrono::seconds(1)};
  own.when_exceeded = "tarpit";
  own.tarpitted = 1;
  own.most_tarpitted = 8;
  own.clients = 2;
  own.most_clients = 16;
  own.unlimited = 3;
  server::LimitsStatus& shared = status.limits.emplace_back();
  shared.name = "limits.all";
  shared.listeners = {"a", "b"};
  shared.connections = 9;  // of before, when they were limited
  shared.when_exceeded = "reset";
  shared.dry_run = true;
  status.listeners[0].wants_kernel_drop = true;
  status.queues = {{0, 0, *base::parse_address("10.0.0.9:80"), 7, 128, 3},
                   {0, 1, *base::parse_address("10.0.0.9:80"), 0, 128, 0}};
  status.pressure.is_known = true;
  status.pressure.counters.syncookies_sent = 55;
  status.pressure.counters.listen_drops = 0;
  status.pressure.syn_flood = true;
  server::PoolStatus pool;
  pool.name = "p";
  pool.fallback = "sorry";
  server::BackendStatus up;
  up.name = "a";
  up.address = *base::parse_address("10.0.0.1:80");
  up.weight = 5;
  up.is_backup = true;
  up.most_sessions = 50;
  up.in_flight = 2;
  up.connect_time = 310;
  up.is_passed_over = true;
  up.early_resets = 13;
  up.ejections = 14;
  up.checks_passed = 15;
  up.checks_failed = 16;
  up.checks_not_made = 17;
  up.weight_ratio = 0.4;
  up.warm = 18;
  up.warm_used = 19;
  up.warm_given_up = 20;
  up.warm_failed = 21;
  up.attempts = 12;
  up.failed_attempts = 1;
  up.sessions = 11;
  up.upload_bytes = 100;
  up.download_bytes = 200;
  up.sources = {{"10.0.0.5", 41, 42, 43, 44, 45, 46, std::chrono::seconds(47)},
                {"client", 48, 0, 0, {}, {}, {}, {}}};
  server::BackendStatus down;
  down.name = "gone:80";
  down.state = pool::BackendState::kDown;
  down.state_reason = "does not resolve \xff";
  pool.backends = {up, down};
  pool.healthy = 1;
  pool.panic = true;
  pool.waiting = 3;
  pool.retries = 21;
  pool.retries_denied = 22;
  pool.queued = 23;
  pool.queue_refused = 24;
  pool.queue_timeouts = 25;
  pool.queue_left = 26;
  pool.queue_microseconds = 27;
  pool.fallbacks = 28;
  pool.connects.buckets[0] = 9;
  pool.connects.buckets[16] = 1;
  pool.connects.microseconds = 12'000'900;
  status.pools = {pool};
  return status;
}

inline server::NameStatus a_name() {
  server::NameStatus name;
  name.name = "app";
  name.asked = "app.internal";
  name.addresses = {*base::parse_address("10.0.0.1:80"), *base::parse_address("[2001:db8::1]:80")};
  name.age = base::Millis(12'900);
  name.next_question = base::Millis(700);
  name.answers = 31;
  name.failures = 32;
  return name;
}

}  // namespace weir::admin
