//go:build race

package worker_test

// The race detector makes a history ten times as slow, and looks for other faults.
const checks = "200"
