package index_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/memory/index"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fingerprint returns one of many fingerprints that spread like a hash.
func fingerprint(n uint64) (f index.Fingerprint) {
	source := rand.New(rand.NewPCG(n, 7))
	binary.BigEndian.PutUint64(f[:], source.Uint64())
	binary.BigEndian.PutUint32(f[8:], source.Uint32())
	f[12] = byte(n)
	return f
}

func TestOfResult(t *testing.T) {
	for name, test := range map[string]struct {
		id   string
		want string
		ok   bool
	}{
		"an id":      {"d6c19402d2ae4fc834ac5668e09fe722", "d6c19402d2ae4fc834ac5668e0", true},
		"too short":  {"d6c19402", "00000000000000000000000000", false},
		"not digits": {"z6c19402d2ae4fc834ac5668e09fe722", "00000000000000000000000000", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := index.OfResult(test.id)
			if got := fmt.Sprintf("%x", f); ok != test.ok || ok && got != test.want {
				t.Errorf("got %s, %t", got, ok)
			}
			if f.AsRecord() == f || f.AsRecord().AsRecord() != f {
				t.Error("the record of the effect has no fingerprint of its own")
			}
		})
	}
}

// The index agrees with a map of times, whatever is added, forgotten and asked in what order.
func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const memory = 16 * time.Hour
		x, model, now := index.New(memory), map[uint64]time.Time{}, start
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := rapid.Uint64Range(0, 400).Draw(t, "n")
				x.Add(fingerprint(n), now)
				model[n] = now
			},
			"add a run": func(t *rapid.T) {
				var list []index.Fingerprint
				for range rapid.IntRange(0, 200).Draw(t, "length") {
					n := rapid.Uint64Range(0, 400).Draw(t, "n")
					list, model[n] = append(list, fingerprint(n)), now
				}
				x.AddRun(index.NewRun(list, now, now))
			},
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
				x.Forget(now)
			},
			"": func(t *rapid.T) {
				for n := range uint64(401) {
					at, known := model[n]
					has := x.Has(fingerprint(n))
					switch age := now.Sub(at); {
					case known && age <= memory && !has:
						t.Fatalf("%d of %s ago is forgotten", n, age)
					case has && (!known || age > memory+3*memory/16):
						t.Fatalf("%d of %s ago is known (added: %t)", n, age, known)
					}
				}
			},
		})
	})
}

func TestDecode(t *testing.T) {
	var list []index.Fingerprint
	for n := range uint64(1000) {
		list = append(list, fingerprint(n))
	}
	encoded := index.NewRun(list, start, start).Encode()
	if got, err := index.Decode(encoded, start, start); err != nil || got.Len() != 1000 || !got.Has(fingerprint(7)) || got.Has(fingerprint(1000)) {
		t.Errorf("got %v", err)
	}
	for name, b := range map[string][]byte{
		"cut":      encoded[:len(encoded)-1],
		"unsorted": append(append([]byte{}, encoded[index.Size:]...), encoded[:index.Size]...),
		"twice":    append(append([]byte{}, encoded[:index.Size]...), encoded[:index.Size]...),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := index.Decode(b, start, start); err == nil {
				t.Error("got no error")
			}
		})
	}
}

// A million activities over the time of the memory cost few bytes each, and few runs.
func TestBytes(t *testing.T) {
	const n, memory = 1_000_000, 7 * 24 * time.Hour
	x := index.New(memory)
	for i := range uint64(n) {
		x.Add(fingerprint(i), start.Add(memory*time.Duration(i)/n))
	}
	x.Forget(start.Add(memory))
	got, bytes := x.Len()
	if got != n {
		t.Fatalf("got %d fingerprints, want %d", got, n)
	}
	if each := float64(bytes) / n; each > 14 {
		t.Errorf("got %.2f bytes each", each)
	}
	if x.Runs() > 40 {
		t.Errorf("got %d runs", x.Runs())
	}
	x.Forget(start.Add(2*memory + time.Hour))
	if got, bytes := x.Len(); got != 0 || bytes != 0 {
		t.Errorf("%d fingerprints and %d bytes stay after their time", got, bytes)
	}
}

func BenchmarkHas(b *testing.B) {
	const n, memory = 10_000_000, 7 * 24 * time.Hour
	x := index.New(memory)
	for i := range uint64(n) {
		x.Add(fingerprint(i), start.Add(memory*time.Duration(i)/n))
	}
	b.ReportMetric(float64(x.Runs()), "runs")
	i := uint64(n)
	for b.Loop() {
		i++
		if x.Has(fingerprint(i)) {
			b.Fatal("a false match")
		}
	}
}
