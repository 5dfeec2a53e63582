package natsconn_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/natstest"
)

// TestMain fails where the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	natstest.Parallel(4)
	goleak.VerifyTestMain(m)
}
