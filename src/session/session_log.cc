#include "session/session_log.h"

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"
#include "base/log_text.h"
#include "session/session_id.h"

namespace weir::session {

SessionLogRing::SessionLogRing(std::size_t capacity) : slots_(capacity) {
  WEIR_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
}

bool SessionLogRing::push(SessionRecord&& record) {
  const std::size_t head = head_.load(std::memory_order_relaxed);
  if (head - tail_.load(std::memory_order_acquire) == slots_.size()) return false;
  slots_[head & (slots_.size() - 1)] = std::move(record);
  head_.store(head + 1, std::memory_order_release);
  return true;
}

std::optional<SessionRecord> SessionLogRing::pop() {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  if (tail == head_.load(std::memory_order_acquire)) return std::nullopt;
  // The slot is left empty: what the record held is freed by whoever takes it, not when the slot is used
  // again.
  std::optional<SessionRecord> record(std::exchange(slots_[tail & (slots_.size() - 1)], SessionRecord{}));
  tail_.store(tail + 1, std::memory_order_release);
  return record;
}

namespace {

void add_introduction(base::LogFields& fields, const Introduction& told) {
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) fields.text(name, value);
  };
  if (!(told.proxy == base::Address())) fields.text("proxy", told.proxy.to_string());
  add("server_name", told.server_name);
}

// The protocol that is spoken, or that the proxy says is.
std::string_view alpn_of(const SessionRecord& r) {
  if (r.tls != nullptr) return r.tls->alpn;
  return r.introduction == nullptr ? std::string_view() : r.introduction->alpn;
}

void add_tls(base::LogFields& fields, const tls::Facts& facts) {
  fields.text("tls", facts.version);
  fields.text("tls_cipher", facts.cipher);
  if (facts.resumed) fields.number("tls_resumed", 1);
  if (!facts.peer_subject.empty()) fields.text("tls_client", facts.peer_subject);
}

// The fields of a record in their one order, for both forms. `none` stands for what there is not.
base::LogFields fields_of(const SessionRecord& r) {
  base::LogFields fields;
  fields.text("id", id_text(r.id));
  fields.text("listener", r.settings->listener);
  fields.text("client", r.client.to_string());
  if (r.introduction != nullptr) add_introduction(fields, *r.introduction);
  if (const std::string_view alpn = alpn_of(r); !alpn.empty()) fields.text("alpn", alpn);
  if (r.introduction != nullptr && !r.introduction->unique_id.empty()) {
    fields.text("proxy_id", r.introduction->unique_id);
  }
  if (r.tls != nullptr) add_tls(fields, *r.tls);
  fields.text("pool", r.pool->name());
  if (r.backend != nullptr) {
    fields.text("backend", r.backend->name());
    fields.text("address", r.backend->identity().address.to_string());
  } else {
    fields.none("backend");
    fields.none("address");
  }
  fields.number("attempts", r.attempts);
  fields.text("state", word(r.state));
  fields.text("reason", word(r.reason));
  if (r.proxy_fault) fields.text("proxy_fault", wire::word(*r.proxy_fault));
  if (r.reason == CloseReason::kClientHello && r.hello) fields.text("hello_fault", word(*r.hello));
  if (r.refusal) fields.text("refusal", admission::word(*r.refusal));
  if (r.connect_error != 0) {
    const char* name = ::strerrorname_np(r.connect_error);
    fields.text("connect_error", name != nullptr ? name : std::to_string(r.connect_error));
    if (r.failed_backend != nullptr) fields.text("failed_backend", r.failed_backend->name());
  }
  if (!r.tls_fault.empty()) fields.text("tls_fault", r.tls_fault);
  if (r.was_retry_denied) fields.number("retry_denied", 1);
  if (r.queue_time) fields.number("queue_us", static_cast<std::uint64_t>(r.queue_time->count()));
  fields.number("upload", r.upload_bytes);
  fields.number("download", r.download_bytes);
  if (r.connect_time) {
    fields.number("connect_us", static_cast<std::uint64_t>(r.connect_time->count()));
  } else {
    fields.none("connect_us");
  }
  if (r.was_warm) fields.number("warm", 1);
  fields.number("duration_us", static_cast<std::uint64_t>(r.duration.count()));
  return fields;
}

}  // namespace

std::string text_fields(const SessionRecord& record) { return "session" + fields_of(record).as_text(); }

std::string json_fields(const SessionRecord& record) {
  return "\"event\":\"session\"" + fields_of(record).as_json();
}

}  // namespace weir::session
