#include "admin/http_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>

#include <cerrno>
#include <map>
#include <optional>
#include <thread>

#include "admin/http_connections.h"
#include "admin/http_loop.h"
#include "net/socket.h"
#include "net/socket_path.h"
#include "net/thread.h"
#include "server/descriptors.h"

namespace weir::admin {
namespace {

constexpr ev_ssize_t kMostHeaderBytes = ev_ssize_t{16} * 1024;
constexpr ev_ssize_t kMostBodyBytes = ev_ssize_t{64} * 1024;
constexpr int kBacklog = 64;
// How long to wait for descriptors or memory to come back.
constexpr int kShortagePauseMicros = 100'000;
// So long a server that has left waits, when it is to stop, for those who have come and asked nothing yet.
constexpr base::Millis kLastCall{1'000};

HttpResponse stopping() { return {503, "application/json", "{\"error\": \"Weir is stopping\"}\n", {}}; }

std::string_view method_name(evhttp_cmd_type type) {
  switch (type) {
    case EVHTTP_REQ_GET:
      return "GET";
    case EVHTTP_REQ_HEAD:
      return "HEAD";
    case EVHTTP_REQ_POST:
      return "POST";
    case EVHTTP_REQ_PUT:
      return "PUT";
    case EVHTTP_REQ_DELETE:
      return "DELETE";
    case EVHTTP_REQ_PATCH:
      return "PATCH";
    case EVHTTP_REQ_OPTIONS:
      return "OPTIONS";
    default:
      return "OTHER";
  }
}

std::string_view phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::string text(const char* known) { return known == nullptr ? std::string() : std::string(known); }

HttpRequest read(evhttp_request* request) {
  HttpRequest asked;
  asked.method = method_name(evhttp_request_get_command(request));
  if (const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request)) {
    asked.path = text(evhttp_uri_get_path(uri));
    asked.query = text(evhttp_uri_get_query(uri));
  }
  const evkeyvalq* headers = evhttp_request_get_input_headers(request);
  asked.host = text(evhttp_find_header(headers, "Host"));
  asked.origin = text(evhttp_find_header(headers, "Origin"));
  asked.authorization = text(evhttp_find_header(headers, "Authorization"));
  asked.content_type = text(evhttp_find_header(headers, "Content-Type"));
  asked.fetch_site = text(evhttp_find_header(headers, "Sec-Fetch-Site"));
  evbuffer* body = evhttp_request_get_input_buffer(request);
  asked.body.resize(evbuffer_get_length(body));
  evbuffer_remove(body, asked.body.data(), asked.body.size());
  return asked;
}

enum class After { kGoesOn, kCloses };

void send(evhttp_request* request, const HttpResponse& response, After after) {
  evkeyvalq* headers = evhttp_request_get_output_headers(request);
  if (after == After::kCloses) evhttp_add_header(headers, "Connection", "close");
  evhttp_add_header(headers, "Content-Type", response.content_type.c_str());
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    evhttp_add_header(headers, name.c_str(), value.c_str());
  }
  evbuffer* body = evbuffer_new();
  if (body != nullptr && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
    evbuffer_add(body, response.body.data(), response.body.size());
  }
  evhttp_send_reply(request, response.status, std::string(phrase(response.status)).c_str(), body);
  if (body != nullptr) evbuffer_free(body);
}

}  // namespace

class HttpServer::Impl {
 public:
  static base::Result<std::unique_ptr<Impl>> open(const base::Address& address, Handler handler,
                                                  base::Millis patience, base::UniqueFd inherited) {
    auto loop = HttpLoop::create();
    if (!loop) return base::failure(std::move(loop.error()));
    net::ListenOptions options;
    options.backlog = kBacklog;
    const bool is_anothers = static_cast<bool>(inherited);
    auto fd =
        is_anothers ? base::Result<base::UniqueFd>(std::move(inherited)) : net::listen_on(address, options);
    if (!fd) return base::failure(std::move(fd.error()).with_context("admin door"));
    auto real = net::local_address(fd->get());
    if (!real) return base::failure(std::move(real.error()));
    auto impl = std::unique_ptr<Impl>(new Impl(std::move(*loop), *real, std::move(handler), patience));
    if (auto serving = impl->serve(std::move(*fd)); !serving)
      return base::failure(std::move(serving.error()));
    if (is_anothers && impl->path_) impl->path_->leave_to_another();
    return impl;
  }

  ~Impl() {
    stop();
    // A request whose client has left belongs to nobody but us.
    answer_all(stopping());
    if (http_ != nullptr) evhttp_free(http_);
    if (rest_ != nullptr) event_free(rest_);
  }

  base::Result<void> start() {
    auto thread = net::start_thread("admin", [this] {
      on_this_thread = this;
      loop_->run([this] {
        connections_.sweep();
        if (stops_by_) stop_when_served();
      });
    });
    if (!thread) return base::failure(std::move(thread.error()));
    thread_ = std::move(*thread);
    if (path_) path_->take();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    loop_->posts()->post([this] {
      stops_by_ = base::precise_now() + (after_answer_ == After::kCloses ? kLastCall : base::Millis(0));
    });
    thread_.join();
  }

  base::UniqueFd copy_socket() const {
    if (path_ && !path_->is_at(address_.path())) return {};
    return base::UniqueFd(::fcntl(listening_, F_DUPFD_CLOEXEC, 0));
  }

  void leave(bool to_another) {
    if (path_ && to_another) path_->leave_to_another();
    if (path_) path_->remove();
    loop_->posts()->post([this] {
      event_del(rest_);
      evhttp_del_accept_socket(http_, socket_);
      after_answer_ = After::kCloses;
      connections_.keep_no_more();
    });
  }

  const base::Address& address() const { return address_; }

 private:
  Impl(std::unique_ptr<HttpLoop> loop, base::Address address, Handler handler, base::Millis patience)
      : loop_(std::move(loop)),
        address_(std::move(address)),
        handler_(std::move(handler)),
        connections_(server::kAdminClients, patience) {}

  base::Result<void> serve(base::UniqueFd fd) {
    if (address_.is_unix()) path_.emplace(address_.path());
    http_ = evhttp_new(loop_->base());
    if (http_ == nullptr) return base::failure(base::system_error("admin door", ENOMEM));
    // Its own patience would end a connection that waits for its answer.
    evhttp_set_timeout(http_, -1);
    evhttp_set_bevcb(
        http_, [](event_base* loop, void* arg) { return static_cast<HttpConnections*>(arg)->add(loop); },
        &connections_);
    evhttp_set_max_headers_size(http_, kMostHeaderBytes);
    evhttp_set_max_body_size(http_, kMostBodyBytes);
    // Every method is let through to the handler, which knows what each path allows.
    evhttp_set_allowed_methods(http_, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                          EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS);
    evhttp_set_gencb(
        http_, [](evhttp_request* request, void* arg) { static_cast<Impl*>(arg)->answer(request); }, this);
    evhttp_bound_socket* socket = evhttp_accept_socket_with_handle(http_, fd.get());
    if (socket == nullptr) return base::failure(base::system_error("admin door", ENOMEM));
    listening_ = fd.release();  // evhttp closes it
    socket_ = socket;
    rest_ = evtimer_new(
        loop_->base(), [](evutil_socket_t, short, void* arg) { static_cast<Impl*>(arg)->accept_again(); },
        this);
    if (rest_ == nullptr) return base::failure(base::system_error("admin door", ENOMEM));
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(socket), &Impl::accept_failed);
    return {};
  }

  // No descriptor or no memory to accept with. Left alone, libevent would try again at once, and again, since
  // the client still waits: so the door rests for a moment instead.
  static void accept_failed(evconnlistener* listener, void*) {
    evconnlistener_disable(listener);
    const timeval pause{0, kShortagePauseMicros};
    if (event_add(on_this_thread->rest_, &pause) != 0) evconnlistener_enable(listener);
  }
  void accept_again() { evconnlistener_enable(evhttp_bound_socket_get_listener(socket_)); }

  // Who came in while this was the door, and another server has it now, is served if he asks soon.
  void stop_when_served() {
    if (!connections_.empty() && base::precise_now() < *stops_by_) return;
    answer_all(stopping());
    loop_->stop();
  }

  void answer(evhttp_request* request) {
    const std::uint64_t id = next_id_++;
    asked_.emplace(id, request);
    connections_.asked(connection_of(request));
    HttpRequest asked = read(request);
    asked.is_local = address_.is_unix();
    handler_(std::move(asked), HttpReply([this, id, posts = loop_->posts()](HttpReply::Make&& make) {
               posts->post([this, id, make = std::move(make)] { reply(id, make); });
             }));
  }

  // None: the client has left, or had to.
  static bufferevent* connection_of(evhttp_request* request) {
    evhttp_connection* connection = evhttp_request_get_connection(request);
    return connection == nullptr ? nullptr : evhttp_connection_get_bufferevent(connection);
  }

  void answer_all(const HttpResponse& response) {
    for (const auto& [id, request] : std::exchange(asked_, {})) send(request, response, after_answer_);
  }

  void reply(std::uint64_t id, const HttpReply::Make& make) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    evhttp_request* request = found->second;
    asked_.erase(found);
    if (const bufferevent* connection = connection_of(request)) connections_.answered(connection);
    send(request, make(), after_answer_);
  }

  const std::unique_ptr<HttpLoop> loop_;
  const base::Address address_;
  const Handler handler_;
  std::optional<net::SocketPath> path_;  // removed when the server ends
  HttpConnections connections_;
  evhttp* http_ = nullptr;
  After after_answer_ = After::kGoesOn;
  std::uint64_t next_id_ = 0;
  // Requests that have no answer yet. One whose connection has gone is still here, and is freed by an answer.
  std::map<std::uint64_t, evhttp_request*> asked_;
  evhttp_bound_socket* socket_ = nullptr;
  event* rest_ = nullptr;  // ends a rest; pending only while `socket_` is there
  std::optional<base::TimePoint> stops_by_;
  int listening_ = -1;
  std::thread thread_;
  // For `accept_failed`, which libevent gives evhttp's own argument.
  static thread_local Impl* on_this_thread;
};

thread_local HttpServer::Impl* HttpServer::Impl::on_this_thread = nullptr;

base::Result<std::unique_ptr<HttpServer>> HttpServer::open(const base::Address& address, Handler handler,
                                                           base::Millis patience, base::UniqueFd inherited) {
  auto impl = Impl::open(address, std::move(handler), patience, std::move(inherited));
  if (!impl) return base::failure(std::move(impl.error()));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(*impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
base::Result<void> HttpServer::start() { return impl_->start(); }
void HttpServer::stop() { impl_->stop(); }
base::UniqueFd HttpServer::copy_socket() const { return impl_->copy_socket(); }
void HttpServer::leave(bool to_another) { impl_->leave(to_another); }
const base::Address& HttpServer::address() const { return impl_->address(); }

}  // namespace weir::admin
