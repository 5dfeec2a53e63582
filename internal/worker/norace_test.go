//go:build !race

package worker_test

const checks = "1000"
