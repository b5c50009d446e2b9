#include "tls/session_cache.h"

#include <chrono>
#include <iterator>
#include <memory>

namespace weir::tls {
namespace {

template <class T>
void free_data(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<T*>(data);
}

int context_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<SessionCache>);
  return kIndex;
}

int key_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<std::string>);
  return kIndex;
}

SessionCache* cache_of(const SSL* ssl) {
  return static_cast<SessionCache*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index()));
}

bool has_ended(const SSL_SESSION* session, UtcTime now) {
  const std::chrono::seconds until(SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session));
  return now >= UtcTime(until);
}

// 0: the session stays the connection's.
int on_new_session(SSL* ssl, SSL_SESSION* session) {
  const auto* key = static_cast<const std::string*>(SSL_get_ex_data(ssl, key_index()));
  if (key != nullptr) cache_of(ssl)->keep(*key, *session);
  return 0;
}

}  // namespace

bool SessionCache::attach(SSL_CTX* context) {
  auto cache = std::make_unique<SessionCache>();
  if (SSL_CTX_set_ex_data(context, context_index(), cache.get()) != 1) return false;
  static_cast<void>(cache.release());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  return true;
}

bool SessionCache::use(SSL* ssl, const std::string& key) {
  auto own = std::make_unique<std::string>(key);
  if (SSL_set_ex_data(ssl, key_index(), own.get()) != 1) return false;
  static_cast<void>(own.release());
  const SslSessionPtr session = cache_of(ssl)->find(key);
  return session == nullptr || SSL_set_session(ssl, session.get()) == 1;
}

void SessionCache::handshake_failed(const SSL* ssl) {
  if (const auto* key = static_cast<const std::string*>(SSL_get_ex_data(ssl, key_index()))) {
    cache_of(ssl)->forget(*key);
  }
}

SslSessionPtr SessionCache::find(std::string_view key, UtcTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return nullptr;
  SSL_SESSION* session = found->second->session.get();
  if (has_ended(session, now)) {
    drop(found->second);
    return nullptr;
  }
  return SslSessionPtr(SSL_SESSION_dup(session));
}

void SessionCache::keep(const std::string& key, const SSL_SESSION& session) {
  SslSessionPtr own(SSL_SESSION_dup(&session));
  if (own == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (const auto before = places_.find(key); before != places_.end()) drop(before->second);
  order_.push_back({key, std::move(own)});
  places_.emplace(order_.back().key, std::prev(order_.end()));
  if (order_.size() > kMost) drop(order_.begin());
}

void SessionCache::forget(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = places_.find(key); found != places_.end()) drop(found->second);
}

void SessionCache::drop(Order::iterator one) {
  places_.erase(one->key);
  order_.erase(one);
}

}  // namespace weir::tls
