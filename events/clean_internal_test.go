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
	kept := 0
	f.names.Range(func(any, any) bool { kept++; return true })
	if kept != mostFound || !f.has("0") || f.has(strconv.Itoa(mostFound)) {
		t.Errorf("got %d names, want the first %d", kept, mostFound)
	}
}
