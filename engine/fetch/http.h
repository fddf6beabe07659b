// Requests over HTTP, by libcurl. The only file of the engine that opens a connection is http.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ablate {

struct HttpAnswer {
  long status = 0;                                            ///< 200, 404, ...; 0: there was none
  std::map<std::string, std::string, std::less<>> headers{};  ///< of the last answer, names in lower case
  std::string body{};                                         ///< of text()
  std::string trouble{};                                      ///< why the answer did not arrive whole, or at all; "" otherwise

  /// "" where there is no such header.
  std::string header(std::string_view name) const;
};

/// One connection after the other, kept open between requests to the same server. Not for several threads.
class Http {
 public:
  /// `token`, if not empty, goes with requests to the server that is asked, and not to those it redirects to.
  explicit Http(std::string token);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// The headers; a redirect to another server is an answer like any other, one on the same server is followed.
  HttpAnswer head(const std::string& url);
  /// The whole body, of at most 64 MiB. Redirects are followed.
  HttpAnswer text(const std::string& url);
  /// The body from byte `first` on, in pieces, redirects followed. `begin` is called before the first piece with whether the body begins at `first` (else, as
  /// some servers do, at 0). Only a body with status 200 or 206 is passed on. What `piece` throws ends the transfer and comes out of this function.
  HttpAnswer bytes(const std::string& url, std::uint64_t first, const std::function<void(bool from_first)>& begin,
                   const std::function<void(std::span<const std::byte>)>& piece);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace ablate
