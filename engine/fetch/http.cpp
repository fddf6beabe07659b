#include "fetch/http.h"

#include "base/error.h"
#include "base/signals.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>

namespace ablate {
namespace {

constexpr std::size_t longest_text = 64u << 20;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// "https://host:port" of a URL.
std::string_view origin_of(std::string_view url) { return url.substr(0, url.find('/', url.find("://") + 3)); }

/// What one transfer collects, and the exception that ended it.
struct Transfer {
  HttpAnswer answer{};
  std::function<void(std::span<const std::byte>)> body;
  std::exception_ptr thrown{};
};

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) transfer.answer.headers.clear();  // of an answer that redirects
  if (const std::size_t colon = line.find(':'); colon != line.npos)
    transfer.answer.headers[lower(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
  return size;
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.body(std::as_bytes(std::span(data, size)));
    return size;
  } catch (...) {
    transfer.thrown = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

int stop_when_asked(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return stop_requested() ? 1 : 0; }

}  // namespace

std::string HttpAnswer::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

struct Http::Connection {
  explicit Connection(std::string bearer) : token(std::move(bearer)) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    handle = global == CURLE_OK ? curl_easy_init() : nullptr;
    if (!handle) throw RunError("libcurl cannot be used");
  }
  ~Connection() { curl_easy_cleanup(handle); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK)
      throw RunError(fmt::format("libcurl: option {}: {}", static_cast<int>(option), curl_easy_strerror(code)));
  }

  void prepare(const std::string& url, bool follow, Transfer& transfer) {
    curl_easy_reset(handle);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_ERRORBUFFER, message);
    set(CURLOPT_USERAGENT, "ablate");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https:") ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, 8L);
    set(CURLOPT_CONNECTTIMEOUT, 20L);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // a minute without a byte
    set(CURLOPT_LOW_SPEED_TIME, 60L);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, stop_when_asked);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    if (token.empty()) return;
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));  // libcurl leaves it out where a redirect leads to another server
    set(CURLOPT_XOAUTH2_BEARER, token.c_str());
  }

  void perform(Transfer& transfer) {
    message[0] = '\0';
    const CURLcode code = curl_easy_perform(handle);
    if (transfer.thrown) std::rethrow_exception(transfer.thrown);
    if (code == CURLE_ABORTED_BY_CALLBACK) throw Interrupted("stopped; the same command goes on from there");
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
    if (code != CURLE_OK) transfer.answer.trouble = on_one_line(message[0] ? message : curl_easy_strerror(code));
  }

  CURL* handle = nullptr;
  std::string token;
  char message[CURL_ERROR_SIZE] = {};
};

Http::Http(std::string token) : connection_(std::make_unique<Connection>(std::move(token))) {}
Http::~Http() = default;

HttpAnswer Http::head(const std::string& url) {
  std::string at = url;
  for (int redirects = 0;; ++redirects) {
    Transfer transfer{.body = [](std::span<const std::byte>) {}};
    connection_->prepare(at, /*follow=*/false, transfer);
    connection_->set(CURLOPT_NOBODY, 1L);
    connection_->perform(transfer);
    const std::string location = transfer.answer.header("location");
    if (transfer.answer.status / 100 != 3 || !location.starts_with('/') || redirects == 8) return transfer.answer;
    at = std::string(origin_of(at)) + location;
  }
}

HttpAnswer Http::text(const std::string& url) {
  std::string text;
  Transfer transfer{.body = [&](std::span<const std::byte> piece) {
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    if (text.size() > longest_text) throw RunError(fmt::format("{}: the answer is longer than {} bytes", url, longest_text));
  }};
  connection_->prepare(url, /*follow=*/true, transfer);
  connection_->perform(transfer);
  transfer.answer.body = std::move(text);
  return transfer.answer;
}

HttpAnswer Http::bytes(const std::string& url, std::uint64_t first, const std::function<void(bool from_first)>& begin,
                       const std::function<void(std::span<const std::byte>)>& piece) {
  bool begun = false;
  Transfer transfer{.body = [&](std::span<const std::byte> bytes) {
    long status = 0;
    curl_easy_getinfo(connection_->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) return;
    if (!begun) begin(status == 206);
    begun = true;
    piece(bytes);
  }};
  connection_->prepare(url, /*follow=*/true, transfer);
  const std::string range = fmt::format("{}-", first);  // RESUME_FROM would refuse servers that send all of it again
  if (first > 0) connection_->set(CURLOPT_RANGE, range.c_str());
  connection_->perform(transfer);
  return transfer.answer;
}

}  // namespace ablate
