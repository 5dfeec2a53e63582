package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Machine describes the machine of the measurement.
type Machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryGB float64 `json:"memory_gb"`
	OS       string  `json:"os"`
	Load     string  `json:"load"` // averages of the last 1, 5 and 15 minutes before the bench
}

// ThisMachine returns a description of this machine. Unknown members are empty.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	info, _ := os.ReadFile("/proc/cpuinfo")
	m.CPU = valueOf(info, "model name")
	memory, _ := os.ReadFile("/proc/meminfo")
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(valueOf(memory, "MemTotal"), " kB"), 64); err == nil {
		m.MemoryGB = kb / (1 << 20)
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += " " + strings.TrimSpace(string(kernel))
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return m
}

// valueOf returns the text behind a name and a colon.
func valueOf(text []byte, name string) string {
	_, rest, _ := bytes.Cut(text, []byte(name))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	_, value, _ := bytes.Cut(line, []byte(":"))
	return string(bytes.TrimSpace(value))
}

// String returns the description in one line.
func (m Machine) String() string {
	text := fmt.Sprintf("%s, %d cores, %.0f GB, %s", m.CPU, m.Cores, m.MemoryGB, m.OS)
	if m.Load != "" {
		text += ", load before the run " + m.Load
	}
	return strings.TrimPrefix(text, ", ")
}

// Versions returns the versions of all programs in the measurement.
func (c Config) Versions(ctx context.Context) map[string]string {
	v := map[string]string{"usher": lastWord(ctx, c.Usher, "--version"), "Go": strings.TrimPrefix(runtime.Version(), "go"), "nats.go": nats.Version, "nats-server": server.VERSION + " (embedded, in a separate process)"}
	if c.NATS != "" {
		v["nats-server"] = lastWord(ctx, c.NATS, "-v")
	}
	if c.Peer != "" {
		v["peer"] = lastWord(ctx, c.Peer, "--version")
	}
	if c.River != "" {
		v["River"] = riverVersion(c.River)
		v["PostgreSQL"] = postgresVersion(ctx, c.Postgres)
	}
	return v
}

// lastWord returns the last word of the first line printed by a program.
func lastWord(ctx context.Context, program, flag string) string {
	out, err := exec.CommandContext(ctx, program, flag).Output() //nolint:gosec // the measured program
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	words := strings.Fields(line)
	if err != nil || len(words) == 0 {
		return "unknown"
	}
	return words[len(words)-1]
}
