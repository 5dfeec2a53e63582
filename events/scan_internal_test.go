package events

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainBytes compares eight bytes at a time with one at a time.
func TestPlainBytes(t *testing.T) {
	special := func(r rune) bool { return r == '"' || r == '\\' || r < ' ' }
	char := rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\x1f !\"#[\\]\x7f\x80\x9f\xa0\xa2\xdc\xff")), rapid.Just[byte]('a'))
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(char, 0, 40).Draw(t, "data")
		want := len(data)
		for i, c := range data {
			if special(rune(c)) {
				want = i
				break
			}
		}
		if got := plainBytes(data); got != want {
			t.Fatalf("%q: got %d, want %d", data, got, want)
		}
	})
	for c := range 256 {
		data := bytes.Repeat([]byte{'a'}, 17)
		data[9] = byte(c)
		want := 17
		if special(rune(c)) {
			want = 9
		}
		if got := plainBytes(data); got != want {
			t.Errorf("%q: got %d, want %d", data, got, want)
		}
	}
}
