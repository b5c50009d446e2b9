#include "cli/door_client.h"

#include <fmt/format.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include "config/text.h"

namespace weir::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

// A thousand sessions are half a megabyte.
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
constexpr std::size_t kLongestComplaint = 2000;

std::string advice(const base::Address& address, const Error& error) {
  if (error == boost::system::errc::permission_denied) return ": its file's rights say who may (try as root)";
  if (error == boost::system::errc::no_such_file_or_directory ||
      error == boost::system::errc::connection_refused) {
    return ": is Weir running, with this address as admin.bind?";
  }
  return address.is_unix() ? "" : ": is this the address of an admin door?";
}

std::string named(const DoorAddress& door) { return "admin door " + door.address.to_string() + ": "; }

// The steps of one exchange, one after the other.
class Exchange {
 public:
  Exchange(const DoorAddress& door, const DoorRequest& asked, base::Millis patience)
      : door_(door), stream_(context_), patience_(patience) {
    request_.method_string(asked.method);
    request_.target(asked.target);
    request_.version(11);
    request_.set(http::field::host, door.address.is_unix() ? "localhost" : door.address.to_string());
    request_.set(http::field::connection, "close");
    if (!door.token.empty()) request_.set(http::field::authorization, "Bearer " + door.token);
    if (!asked.body.empty()) request_.set(http::field::content_type, "application/json");
    request_.body() = asked.body;
    request_.prepare_payload();
    parser_.body_limit(kMostBytes);
  }

  base::Result<DoorAnswer> run() {
    sockaddr_storage storage{};
    const socklen_t length = door_.address.to_sockaddr(storage);
    const asio::generic::stream_protocol::endpoint endpoint(&storage, length);
    stream_.expires_after(patience_);
    stream_.async_connect(endpoint, [this](Error error) { on_connected(error); });
    context_.run();
    if (error_) {
      return base::failure(
          {base::ErrorSide::kSystem, named(door_) + error_.message() + advice(door_.address, error_)});
    }
    return DoorAnswer{static_cast<int>(parser_.get().result_int()), std::move(parser_.get().body())};
  }

 private:
  void on_connected(Error error) {
    if (error) return void(error_ = error);
    http::async_write(stream_, request_, [this](Error failed, std::size_t) { on_written(failed); });
  }
  // A door that refuses early answers before it has taken everything.
  void on_written(Error error) {
    written_ = error;
    http::async_read(stream_, buffer_, parser_,
                     [this](Error failed, std::size_t) { error_ = failed && written_ ? written_ : failed; });
  }

  const DoorAddress& door_;
  asio::io_context context_;
  beast::basic_stream<asio::generic::stream_protocol> stream_;
  const base::Millis patience_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
  Error written_;
  Error error_;
};

}  // namespace

base::Result<DoorAnswer> ask_door(const DoorAddress& door, const DoorRequest& request,
                                  base::Millis patience) {
  return Exchange(door, request, patience).run();
}

std::string why_not(const DoorAddress& door, const DoorAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  const bool is_told = body.is_object() && body.contains("error") && body["error"].is_string();
  if (is_told) return config::printable(body["error"].get<std::string>(), kLongestComplaint);
  return named(door) + fmt::format(
                           "what answers there is no admin door (its answer has status {} and {}): is "
                           "it another program's address?",
                           answer.status, body.is_object() ? "no error" : "is no JSON object");
}

std::string note_of(const nlohmann::json& document) {
  const bool is_told = document.is_object() && document.contains("done") && document["done"].is_string();
  const std::string said = is_told ? document["done"].get<std::string>() : "";
  return said.empty() || said == "done" ? "" : ": " + config::printable(said, kLongestComplaint);
}

base::Result<nlohmann::json> document_of(const DoorAddress& door, const DoorAnswer& answer) {
  nlohmann::json document = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status == 200 && document.is_object()) return document;
  return base::failure({base::ErrorSide::kSystem, why_not(door, answer)});
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace weir::cli
