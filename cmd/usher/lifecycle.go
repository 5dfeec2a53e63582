//go:build !mailbox

package main

import (
	"context"

	"github.com/usherhq/usher/internal/worker"
)

// lifecycle returns nil: the worker carries out the lifecycle events of a vendor.
func (e *engine) lifecycle(context.Context, vendor, any, worker.Deps) (func(context.Context), error) {
	return nil, nil
}

// limiters is empty: each adapter paces its own calls.
type limiters struct{}

func (limiters) pace(vendor) {}
