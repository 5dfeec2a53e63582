package fairness_test

import (
	"context"
	"sync"
	"testing"

	"github.com/usherhq/usher/internal/fairness"
)

func BenchmarkPacerWait(b *testing.B) {
	for name, rate := range map[string]float64{"no limit": 0, "a token is left": 1e9} {
		b.Run(name, func(b *testing.B) {
			p := fairness.NewPacer(rate)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Wait(b.Context(), fresh); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPacerQueue measures a thousand calls that queue and are then granted, each in a
// goroutine of its own.
func BenchmarkPacerQueue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p, wg := fairness.NewPacer(1e-6), sync.WaitGroup{}
		drain(b, p, 1)
		for i := range 1000 {
			wg.Go(func() { _ = p.Wait(context.Background(), fairness.Class(i%fairness.Classes)) })
		}
		p.SetRate(0)
		wg.Wait()
	}
}
