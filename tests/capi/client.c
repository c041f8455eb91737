// SPDX-License-Identifier: Apache-2.0
// The client without a cluster: what it says when nobody is there, and that it keeps quiet
// otherwise.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// A port that nobody listens on, held so that nobody else takes it.
static int unused_port(char* address, size_t size) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in local;
  socklen_t length = sizeof(local);
  memset(&local, 0, sizeof(local));
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr*)&local, sizeof(local)) == 0);
  CHECK(getsockname(fd, (struct sockaddr*)&local, &length) == 0);
  snprintf(address, size, "127.0.0.1:%d", ntohs(local.sin_port));
  return fd;
}

static vasto_config_t* config_for(const char* masters, const char* connect_timeout_ms) {
  vasto_config_t* config = NULL;
  CHECK_OK(vasto_config_create(&config, &err));
  CHECK_OK(vasto_config_set(config, "masters", masters, &err));
  CHECK_OK(vasto_config_set(config, "connect_timeout_ms", connect_timeout_ms, &err));
  return config;
}

static void open_needs_a_master(void) {
  vasto_config_t* config = NULL;
  vasto_client_t* client = (vasto_client_t*)&config;
  CHECK_OK(vasto_config_create(&config, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_client_open(config, &client, &err));
  CHECK(client == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_client_open(NULL, &client, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_client_open(config, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_client_close(NULL, 0, &err));
  vasto_config_destroy(config);
}

static void open_tells_that_no_master_answered(void) {
  char address[64];
  const int fd = unused_port(address, sizeof(address));
  vasto_config_t* config = config_for(address, "300");
  vasto_client_t* client = NULL;
  const int64_t start = now_ms();
  CHECK_INT(VASTO_UNAVAILABLE, vasto_client_open(config, &client, &err));
  CHECK(now_ms() - start < 5000);
  CHECK(client == NULL && err != NULL);
  CHECK(strstr(vasto_error_message(err), address) != NULL);
  CHECK(vasto_error_is_retryable(err) && !vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  vasto_config_destroy(config);
  close(fd);
}

static void open_gives_up_on_a_silent_master(void) {
  char address[64];
  const int fd = unused_port(address, sizeof(address));
  CHECK(listen(fd, 8) == 0);
  vasto_config_t* config = config_for(address, "300");
  vasto_client_t* client = NULL;
  const int64_t start = now_ms();
  const vasto_status_t code = vasto_client_open(config, &client, NULL);
  CHECK(code == VASTO_UNAVAILABLE || code == VASTO_TIMEOUT);
  CHECK(now_ms() - start >= 250 && now_ms() - start < 5000);
  vasto_config_destroy(config);
  close(fd);
}

static int log_lines;

static void count_line(void* user_data, int32_t level, const char* message) {
  CHECK(user_data == &log_lines && level >= VASTO_LOG_DEBUG && level <= VASTO_LOG_ERROR);
  CHECK(strchr(message, '\n') == NULL);
  __atomic_add_fetch(&log_lines, 1, __ATOMIC_RELAXED);
}

static void logs_go_to_the_callback_and_nothing_to_the_terminal(void) {
  char name[] = "/tmp/vasto-capi-output-XXXXXX";
  const int file = mkstemp(name);
  CHECK(file >= 0 && unlink(name) == 0);
  fflush(NULL);
  const int out = dup(1), error = dup(2);
  CHECK(out >= 0 && error >= 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2);

  char address[64];
  const int fd = unused_port(address, sizeof(address));
  vasto_config_t* config = config_for(address, "200");
  vasto_config_set_log_callback(config, count_line, &log_lines, VASTO_LOG_DEBUG);
  vasto_client_t* client = NULL;
  const vasto_status_t code = vasto_client_open(config, &client, NULL);
  vasto_config_destroy(config);
  close(fd);

  fflush(NULL);
  CHECK(dup2(out, 1) == 1 && dup2(error, 2) == 2);
  close(out);
  close(error);
  struct stat written;
  CHECK(fstat(file, &written) == 0);
  CHECK_INT(0, written.st_size);
  close(file);
  CHECK_INT(VASTO_UNAVAILABLE, code);
  // How many lines is the client's business; that there are some shows that the callback is in use.
  CHECK(log_lines > 0);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(open_needs_a_master),
                                 TEST(open_tells_that_no_master_answered),
                                 TEST(open_gives_up_on_a_silent_master),
                                 TEST(logs_go_to_the_callback_and_nothing_to_the_terminal)};
  return RUN_TESTS(tests);
}
