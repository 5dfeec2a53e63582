package events

import (
	"strconv"
	"testing"
)

// TestFoundNamesAreBounded wants a bound on the memory of names, which senders choose.
func TestFoundNamesAreBounded(t *testing.T) {
	var f found
	for i := range 2 * mostFound {
		f.add(strconv.Itoa(i))
	}
	if kept := len(f.all()); kept != mostFound || !f.has([]byte("0")) || f.has([]byte(strconv.Itoa(mostFound))) {
		t.Errorf("got %d names, want the first %d", kept, mostFound)
	}
}
