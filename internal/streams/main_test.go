package streams_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain ignores the clock of nats-server, which all servers of the process share: the clock
// may outlast a killed server for a moment.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}
