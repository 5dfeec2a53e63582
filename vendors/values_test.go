package vendors_test

import (
	"encoding/json"
	"testing"

	"github.com/usherhq/usher/vendors"
)

func TestFlag(t *testing.T) {
	tests := map[string]vendors.Flag{
		`true`: true, `"true"`: true, `1`: true, `"1"`: true,
		`false`: false, `"false"`: false, `0`: false, `"0"`: false, `null`: false, `""`: false,
	}
	for text, want := range tests {
		got := !want
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}
