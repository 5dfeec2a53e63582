package environment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usherhq/usher/tools/process"
)

// aheadSource reads the offset of the clock from the environment of the process.
const aheadSource = `package time

import "syscall"

// clockAhead is the offset of the wall clock in seconds.
var clockAhead = func() int64 {
	text, _ := syscall.Getenv("CLOCK_AHEAD")
	n, _ := atoi(text)
	return int64(n)
}()
`

// ClockFlags returns flags of go build for programs whose wall clock is wrong by the seconds in
// CLOCK_AHEAD. The monotonic clock stays right. The flags replace time.Now of the standard
// library, so that the first build compiles everything anew.
func ClockFlags(ctx context.Context, dir string) ([]string, error) {
	root, err := process.GoRoot(ctx)
	if err != nil {
		return nil, err
	}
	original := filepath.Join(root, "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return nil, err
	}
	const now = "sec, nsec, mono := runtimeNow()\n"
	if n := strings.Count(string(text), now); n != 1 {
		return nil, fmt.Errorf("%s reads the clock at %d places, want one", original, n)
	}
	changed := strings.Replace(string(text), now, now+"\tsec += clockAhead\n", 1)
	replace := map[string]string{}
	for name, source := range map[string]string{"time.go": changed, "ahead.go": aheadSource} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			return nil, err
		}
		replace[filepath.Join(filepath.Dir(original), name)] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", file}, os.WriteFile(file, overlay, 0o600)
}
