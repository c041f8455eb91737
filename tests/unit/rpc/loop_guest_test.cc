// SPDX-License-Identifier: Apache-2.0
// Threads that wait for results turn the transport's loop themselves, when they come often and
// alone, and nobody misses anything when they do not.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "core/base/clock.h"
#include "core/rpc/call_run.h"
#include "core/rpc/channel.h"
#include "core/rpc/loop_seat.h"
#include "core/rpc/polling_visitor.h"
#include "core/rpc/server.h"
#include "core/rpc/waiter.h"
#include "tests/unit/rpc/echo_service.h"

namespace vasto::rpc {
namespace {

using internal::LoopSeat;

// Where one result after the other is waited for, as in a queue.
class Mailbox {
 public:
  void Put(Status status) {
    MutexLock lock(&mu_);
    full_ = true;
    status_ = std::move(status);
    by_ = std::this_thread::get_id();
    if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->Done();
    changed_.SignalAll();
  }
  // False when deadline_us came first.
  bool Take(const std::shared_ptr<Drivable>& source, int64_t deadline_us = In(kLong),
            bool only_one = false) {
    Waiter waiter;
    waiter.ExpectFrom(source);
    if (only_one) waiter.ExpectOne();
    {
      MutexLock lock(&mu_);
      if (std::exchange(full_, false)) return true;
      waiter_ = &waiter;
    }
    waiter.Wait(deadline_us);
    MutexLock lock(&mu_);
    waiter_ = nullptr;
    return std::exchange(full_, false);
  }
  // False when there is none yet.
  bool TakeNow() {
    MutexLock lock(&mu_);
    return std::exchange(full_, false);
  }
  // Without offering help.
  void Sleep() {
    MutexLock lock(&mu_);
    while (!full_) changed_.Wait(&mu_);
    full_ = false;
  }
  std::thread::id by() {
    MutexLock lock(&mu_);
    return by_;
  }
  Status status() {
    MutexLock lock(&mu_);
    return status_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool full_ GUARDED_BY(mu_) = false;
  Status status_ GUARDED_BY(mu_);
  std::thread::id by_ GUARDED_BY(mu_);
  Waiter* waiter_ GUARDED_BY(mu_) = nullptr;
};

class LoopGuestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.io_threads = 1;
    server_ = std::make_unique<Server>(options, service_.dispatcher());
    ASSERT_TRUE(server_->Start().ok());
    channel_ = transport_->Connect(server_->address());
  }
  void TearDown() override { transport_->Stop(); }

  void Start(Mailbox* box, const std::string& key = "key") {
    channel_->Call<Get>(EchoService::Request(key), In(kLong),
                        [box](const StatusOr<GetResponse>& result) { box->Put(result.status()); });
  }
  // Visits until the calling thread turns the loop itself.
  void BecomeGuest(Mailbox* box) {
    const int64_t deadline_us = In(kLong);
    do {
      Start(box);
      ASSERT_TRUE(box->Take(transport_->drivable()));
      ASSERT_LT(SystemClock()->MonotonicMicros(), deadline_us);
    } while (box->by() != std::this_thread::get_id());
  }

  EchoService service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<Transport> transport_ = NewSocketTransport({});
  std::shared_ptr<Channel> channel_;
};

TEST_F(LoopGuestTest, SeveralLoopsAreNotDriven) {
  SocketTransportOptions options;
  options.io_threads = 2;
  EXPECT_EQ(NewSocketTransport(options)->drivable(), nullptr);
}

TEST_F(LoopGuestTest, WhoComesOnceIsServed) {
  Mailbox box;
  Start(&box);
  EXPECT_TRUE(box.Take(transport_->drivable()));
  EXPECT_NE(box.by(), std::this_thread::get_id());
}

TEST_F(LoopGuestTest, WhoComesOftenServesItself) {
  Mailbox box;
  for (int i = 0; i < 10; ++i) BecomeGuest(&box);
}

TEST_F(LoopGuestTest, WhoStaysAwayLosesThePlace) {
  Mailbox box;
  BecomeGuest(&box);
  // One call is sent at once, the others wait for whoever turns the loop.
  Mailbox others[3];
  for (Mailbox& other : others) Start(&other);
  for (Mailbox& other : others) {
    other.Sleep();
    EXPECT_TRUE(other.status().ok()) << other.status().ToString();
    EXPECT_NE(other.by(), std::this_thread::get_id());
  }
}

TEST_F(LoopGuestTest, SeveralThreadsAreServed) {
  Mailbox box;
  BecomeGuest(&box);
  std::thread::id other_id;
  Mailbox other_box;
  const auto visit = [&](Mailbox* mailbox) {
    Start(mailbox);
    EXPECT_TRUE(mailbox->Take(transport_->drivable()));
  };
  std::promise<void> other_turn[50];
  std::promise<void> my_turn[50];
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) {
      other_turn[i].get_future().wait();
      visit(&other_box);
      EXPECT_NE(other_box.by(), std::this_thread::get_id());
      my_turn[i].set_value();
    }
  });
  for (int i = 0; i < 50; ++i) {
    other_turn[i].set_value();
    my_turn[i].get_future().wait();
    visit(&box);
    EXPECT_NE(box.by(), std::this_thread::get_id());
  }
  other.join();
}

TEST_F(LoopGuestTest, BlockingCallersShareTheConnectionWithAGuest) {
  Mailbox box;
  std::atomic<bool> stop = false;
  std::thread blocking([&] {
    while (!stop) {
      Waiter waiter;
      channel_->Call<Get>(EchoService::Request("blocking"), In(kLong),
                          [&](const StatusOr<GetResponse>& result) {
                            EXPECT_TRUE(result.ok()) << result.status().ToString();
                            waiter.Done();
                          });
      waiter.Wait();
    }
  });
  for (int i = 0; i < 2000; ++i) {
    Start(&box);
    EXPECT_TRUE(box.Take(transport_->drivable()));
  }
  stop = true;
  blocking.join();
}

TEST_F(LoopGuestTest, ADeadlineEndsTheVisit) {
  Mailbox box;
  BecomeGuest(&box);
  const int64_t deadline_us = In(20'000);
  EXPECT_FALSE(box.Take(transport_->drivable(), deadline_us));
  EXPECT_GE(SystemClock()->MonotonicMicros(), deadline_us);
}

TEST_F(LoopGuestTest, AnotherThreadsResultWakesTheGuest) {
  Mailbox box;
  for (int i = 0; i < 100; ++i) {
    BecomeGuest(&box);
    std::thread elsewhere([&] { box.Put({}); });
    EXPECT_TRUE(box.Take(transport_->drivable()));
    elsewhere.join();
  }
}

TEST_F(LoopGuestTest, StoppingEndsTheVisit) {
  Mailbox box;
  BecomeGuest(&box);
  Start(&box, "park");
  std::thread stopping([&] {
    service_.AwaitParked(1);
    transport_->Stop();
  });
  EXPECT_TRUE(box.Take(transport_->drivable()));
  EXPECT_TRUE(box.status().Is(Code::kCancelled)) << box.status().ToString();
  stopping.join();
  EXPECT_FALSE(box.Take(transport_->drivable(), In(1000))) << "nobody turns it any more";
}

TEST_F(LoopGuestTest, StoppingDoesNotWaitForTheGuestsDeadline) {
  Mailbox box;
  BecomeGuest(&box);
  std::thread stopping([&] {
    transport_->Stop();
    box.Put({});
  });
  EXPECT_TRUE(box.Take(transport_->drivable()));
  stopping.join();
}

TEST_F(LoopGuestTest, WhoExpectsOneResultIsServedAsWell) {
  Mailbox box;
  for (int i = 0; i < 200; ++i) {
    Start(&box);
    EXPECT_TRUE(box.Take(transport_->drivable(), In(kLong), /*only_one=*/true));
  }
}

// Somebody who polls, and looks when its descriptor is readable.
class PollingVisitorTest : public LoopGuestTest {
 protected:
  void SetUp() override {
    LoopGuestTest::SetUp();
    ASSERT_TRUE(visitor_.Open(own_.get()).ok());
  }
  bool Readable(int timeout_ms) const {
    pollfd entry{visitor_.fd(), POLLIN, 0};
    return poll(&entry, 1, timeout_ms) == 1;
  }
  // Looks until the result of a call is there.
  void Await(Mailbox* box) {
    const int64_t deadline_us = In(kLong);
    while (!box->TakeNow()) {
      transport_->drivable()->Visit(&visitor_);
      ASSERT_LT(SystemClock()->MonotonicMicros(), deadline_us);
    }
  }
  // Until the visits do the I/O.
  void BecomeGuest() {
    const int64_t deadline_us = In(kLong);
    do {
      Start(&box_);
      Await(&box_);
      ASSERT_LT(SystemClock()->MonotonicMicros(), deadline_us);
    } while (box_.by() != std::this_thread::get_id());
  }

  static constexpr int kTries = 50;

  Fd own_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  PollingVisitor visitor_;
  Mailbox box_;
};

TEST_F(PollingVisitorTest, ItsOwnDescriptorIsWatched) {
  EXPECT_FALSE(Readable(0));
  const uint64_t one = 1;
  ASSERT_EQ(write(own_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  EXPECT_TRUE(Readable(0));
}

TEST_F(PollingVisitorTest, TheVisitsDoTheWork) { BecomeGuest(); }

TEST_F(PollingVisitorTest, ThreadsMayTakeTurns) {
  for (int i = 0; i < 3; ++i) {
    std::thread elsewhere([this] { BecomeGuest(); });
    elsewhere.join();
  }
}

// The following happen before the owner notices an absence, in a try that is fast enough.

TEST_F(PollingVisitorTest, AnAnswerMakesItReadable) {
  int seen = 0;
  for (int i = 0; i < kTries; ++i) {
    BecomeGuest();
    Start(&box_);
    const bool readable = Readable(1000);
    Await(&box_);
    if (readable && box_.by() == std::this_thread::get_id()) ++seen;
  }
  EXPECT_GE(seen, kTries / 5);
}

TEST_F(PollingVisitorTest, WorkOfOthersMakesItReadable) {
  int seen = 0;
  for (int i = 0; i < kTries; ++i) {
    BecomeGuest();
    Mailbox other;
    Start(&box_, "park");  // goes out at once
    Start(&other);         // waits for whoever turns the loop
    if (Readable(0)) ++seen;
    Await(&other);
    service_.AwaitParked(1);
    service_.AnswerParked(0, "");
    Await(&box_);
  }
  EXPECT_GE(seen, kTries / 5);
}

TEST_F(PollingVisitorTest, WhoStaysAwayLosesThePlaceAndIsNotToldOfOthers) {
  BecomeGuest();
  Mailbox other;
  Start(&other);
  other.Sleep();
  EXPECT_NE(other.by(), std::this_thread::get_id());
  // The first visit that finds the place taken stops watching.
  transport_->drivable()->Visit(&visitor_);
  for (int i = 0; i < 10; ++i) {
    Start(&other);
    other.Sleep();
    EXPECT_FALSE(Readable(0));
  }
}

TEST_F(PollingVisitorTest, StoppingDoesNotWaitForAVisit) {
  BecomeGuest();
  Start(&box_, "park");
  service_.AwaitParked(1);
  transport_->Stop();
  EXPECT_TRUE(box_.TakeNow());
  EXPECT_TRUE(box_.status().Is(Code::kCancelled)) << box_.status().ToString();
  transport_->drivable()->Visit(&visitor_);
}

TEST_F(LoopGuestTest, CallsOfARunGoOutTogether) {
  Mailbox first;
  Start(&first);
  first.Sleep();
  const size_t before = service_.batches();
  Mailbox boxes[20];
  {
    const CallRun run;
    for (Mailbox& box : boxes) Start(&box);
  }
  for (Mailbox& box : boxes) {
    box.Sleep();
    EXPECT_TRUE(box.status().ok()) << box.status().ToString();
  }
  EXPECT_EQ(service_.batches(), before + 1);
}

TEST_F(LoopGuestTest, ARunMayBeginBeforeThereIsAConnection) {
  const auto channel = transport_->Connect(server_->address());
  Mailbox box;
  {
    const CallRun run;
    channel->Call<Get>(EchoService::Request("key"), In(kLong),
                       [&](const StatusOr<GetResponse>& result) { box.Put(result.status()); });
  }
  box.Sleep();
  EXPECT_TRUE(box.status().ok()) << box.status().ToString();
}

// A seat whose owner does nothing but lend it.
class LoopSeatTest : public ::testing::Test {
 protected:
  LoopSeatTest() {
    seat_.Open();
    owner_ = std::thread([this] {
      while (!seat_.closed()) {
        if (seat_.wanted()) seat_.Lend();
        std::this_thread::yield();
      }
    });
  }
  ~LoopSeatTest() override {
    seat_.Close();
    owner_.join();
  }
  void Earn() {
    while (!seat_.Take(In(kLong))) std::this_thread::yield();
    seat_.Leave(0);
  }
  // Runs steps(), which must not depend on how long the owner takes to notice an absence, until
  // they have run faster than that.
  static void Undisturbed(const std::function<bool()>& steps, bool expected) {
    for (const int64_t deadline_us = In(kLong); SystemClock()->MonotonicMicros() < deadline_us;) {
      const int64_t start_us = SystemClock()->MonotonicMicros();
      const bool result = steps();
      if (SystemClock()->MonotonicMicros() - start_us >= LoopSeat::kAbsenceUs / 2) continue;
      EXPECT_EQ(result, expected);
      return;
    }
    FAIL() << "no quiet moment";
  }

  Waker waker_;
  LoopSeat seat_{&waker_};
  std::thread owner_;
};

TEST_F(LoopSeatTest, AGuestComesAndGoes) {
  Undisturbed(
      [&] {
        Earn();
        for (int i = 0; i < 3; ++i) {
          if (!seat_.Take(In(kLong))) return false;
          seat_.Leave(0);
        }
        return true;
      },
      true);
}

TEST_F(LoopSeatTest, TheFirstVisitsAreForTheOwner) {
  for (int i = 1; i < LoopSeat::kVisitsToEarn; ++i) EXPECT_FALSE(seat_.Take(In(kLong)));
}

TEST_F(LoopSeatTest, ADisturbedGuestHasToEarnItAgain) {
  Undisturbed(
      [&] {
        Earn();
        seat_.Disturb();
        return seat_.Take(In(kLong));
      },
      false);
}

TEST_F(LoopSeatTest, LongVisitsLoseIt) {
  const auto visits = [&](int count) {
    return [this, count] {
      Earn();
      for (int i = 0; i < count; ++i) {
        if (!seat_.Take(In(kLong))) return false;
        seat_.Leave(LoopSeat::kLongVisitUs);
      }
      const bool kept = seat_.Take(In(kLong));
      if (kept) seat_.Leave(0);
      return kept;
    };
  };
  Undisturbed(visits(LoopSeat::kLongVisits - 1), true);
  Undisturbed(visits(LoopSeat::kLongVisits), false);
}

}  // namespace
}  // namespace vasto::rpc
