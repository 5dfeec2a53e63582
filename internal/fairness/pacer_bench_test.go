package fairness_test

import (
	"testing"

	"github.com/usherhq/usher/internal/fairness"
)

// BenchmarkPacerWait measures a wait that a token is there for, and one that queues.
func BenchmarkPacerWait(b *testing.B) {
	for name, rate := range map[string]float64{"no limit": 0, "a token is there": 1e9} {
		b.Run(name, func(b *testing.B) {
			p := fairness.NewPacer(rate)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Wait(b.Context(), fairness.Fresh); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("32 calls queue", func(b *testing.B) {
		p := fairness.NewPacer(100_000)
		drainNow(b, p)
		b.SetParallelism(16)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for c := 0; pb.Next(); c++ {
				if err := p.Wait(b.Context(), fairness.Class(c%fairness.Classes)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// drainNow takes the tokens of the burst.
func drainNow(b *testing.B, p *fairness.Pacer) {
	b.Helper()
	for range 100_000 {
		if err := p.Wait(b.Context(), fairness.Fresh); err != nil {
			b.Fatal(err)
		}
	}
}
