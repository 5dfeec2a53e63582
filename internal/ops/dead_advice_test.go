package ops

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/mailbox"
)

// TestDeadAdvice wants a remedy for each class, here and in docs/operating.md, and no remedy of another class.
func TestDeadAdvice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range mailbox.Classes() {
		l := UserAtVendor{}
		(&vendorFacts{}).dead(&l, HistoryEvent{Class: class, Dead: "0123"})
		if deadAdvice[class] == "" || !strings.HasPrefix(l.Do, deadAdvice[class]+", then usher dead ") {
			t.Errorf("class %s: got %q, want a remedy", class, l.Do)
		}
		if !strings.Contains(string(page), "\n| `"+class+"` |") {
			t.Errorf("class %s: no row in docs/operating.md", class)
		}
	}
	for class := range deadAdvice {
		if !slices.Contains(mailbox.Classes(), class) {
			t.Errorf("%s is no class", class)
		}
	}
}
