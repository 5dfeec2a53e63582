package hostile

import (
	"fmt"
	"os"
	"path/filepath"
)

// cage is a script that starts a program with limited memory.
type cage struct {
	kind   string // the way of the limit, for the report
	script string
	group  string // folder of the control group; empty without
}

// newCage makes a control group with the memory, as a container has. Without the right to make
// control groups, the size of the data segment is limited, which ends a process at the limit too.
func newCage(dir, program string, memory int64) (cage, error) {
	c := cage{kind: "the size of the data segment", script: filepath.Join(dir, "usher")}
	limit := fmt.Sprintf("ulimit -d %d", memory>>10)
	for _, g := range []struct{ kind, root, file string }{
		{"a control group", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"a control group", "/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(g.root, filepath.Base(dir))
		if os.Mkdir(group, 0o700) != nil {
			continue
		}
		if os.WriteFile(filepath.Join(group, g.file), fmt.Append(nil, memory), 0o600) != nil {
			_ = os.Remove(group)
			continue
		}
		c.kind, c.group = g.kind, group
		limit = fmt.Sprintf("if [ \"$1\" = serve ]; then echo $$ > %s/cgroup.procs; fi", group)
		break
	}
	text := fmt.Sprintf("#!/bin/sh\nset -e\n%s\nexec %s \"$@\"\n", limit, program)
	return c, os.WriteFile(c.script, []byte(text), 0o700) //nolint:gosec // a script to start
}

// remove removes the control group of an ended program.
func (c cage) remove() {
	if c.group != "" {
		_ = os.Remove(c.group)
	}
}
