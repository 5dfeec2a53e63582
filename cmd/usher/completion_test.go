package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/usherhq/usher/internal/natstest"
)

// completed are lines with the words that every shell offers.
var completed = map[string][]string{
	"usher resu":                {"results", "resume"},
	"usher dead ":               {"list", "show", "replay", "drop"},
	"usher results --out":       {"--outcome", "--output"},
	"usher config show -o y":    {"yaml"},
	"usher pause le":            {"lead"},
	"usher results --vendor us": {"usermost"},
	"usher --server x resu":     {"results", "resume"},
}

// TestCompletion lets the shells of this machine complete lines, with the scripts of usher
// completion. bash is on every machine that tests; zsh and fish are tried if they are installed.
func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "usher")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := usher(t.Context(), nil, "", "completion", shell)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "usher."+shell)
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath(shell); err != nil && shell != "bash" {
			t.Logf("%s is not installed", shell)
			continue
		}
		t.Run(shell, func(t *testing.T) {
			for line, want := range completed {
				if shell == "zsh" {
					typed(t, path, line, want)
					continue
				}
				got := offered(t, shell, path, line)
				for _, word := range want {
					if !strings.Contains(got, word) {
						t.Errorf("%q: got %q, want %s", line, got, word)
					}
				}
			}
		})
	}
}

// offered returns the words that bash or fish offers for a line.
func offered(t *testing.T, shell, script, line string) string {
	t.Helper()
	args := []string{"-c", `source "$1"; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=(usher) COMP_CWORD=1; _usher; printf '%s\n' "${COMPREPLY[@]}"`, shell, script, line}
	if shell == "fish" {
		args = []string{"--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, script, line}
	}
	out, err := shellOf(t.Context(), t, shell, script, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	return string(out)
}

// shellOf returns the command of a shell that finds usher beside the script.
func shellOf(ctx context.Context, t *testing.T, shell, script string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(script)+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "TERM=dumb")
	return cmd
}

// typed types a line and two tabs into an interactive zsh, and waits for the words.
func typed(t *testing.T, script, line string, want []string) {
	t.Helper()
	at := newPTY(t)
	ctx, stop := context.WithCancel(t.Context())
	cmd := shellOf(ctx, t, "zsh", script, "-f", "-i")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = at.File, at.File, at.File
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = cmd.Wait() }()
	typing := func(text string) {
		if _, err := io.WriteString(at.keyboard, text); err != nil {
			t.Fatal(err)
		}
	}
	typing("PS1=; autoload -Uz compinit; compinit -u -D; source " + script + "; print re''ady\n")
	natstest.Until(t, "zsh is ready", func() bool { return strings.Contains(at.screen.String(), "ready\r") })
	begin := len(at.screen.String())
	typing(line + "\t\t")
	natstest.Until(t, fmt.Sprintf("zsh offers %s for %q", want, line), func() bool {
		shown := at.screen.String()[begin:]
		return !slices.ContainsFunc(want, func(word string) bool { return !strings.Contains(shown, word) })
	})
}
