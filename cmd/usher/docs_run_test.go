package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/natstest"
)

// A command is a block of code in a document that a test runs, so that the
// document stays true:
//
//	```sh                   is run, in the order of the document, in one shell
//	```text, ```http        right below it is the answer; in text … stands for anything
//	<!-- stays -->          above it: it goes on until the document is through, as in a
//	                        terminal of its own, and says what the text below says
//	<!-- not run: why -->   above it: it is only shown
type command struct {
	page   string
	line   int
	mark   string // what stands above it
	text   string
	kind   string // of the answer: text, http, or none
	answer string
}

var shellBlock = regexp.MustCompile("(?sm)^(?:<!-- ([^\n]+?) -->\n)?```sh\n(.*?)^```\n(?:\n```(http|text)\n(.*?)^```)?")

// commandsOf returns the commands of a page that are run, in their order.
func commandsOf(t *testing.T, page string) []command {
	t.Helper()
	text := string(read(t, filepath.Join("..", "..", filepath.FromSlash(page))))
	var list []command
	for _, at := range shellBlock.FindAllStringSubmatchIndex(text, -1) {
		part := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return text[at[2*i]:at[2*i+1]]
		}
		c := command{page, 1 + strings.Count(text[:at[4]], "\n"), part(1), part(2), part(3), part(4)}
		switch {
		case strings.HasPrefix(c.mark, "not run: "):
		case c.mark == "", c.mark == "stays":
			list = append(list, c)
		default:
			t.Errorf("%s: there is no such mark: %s", c, c.mark)
		}
	}
	return list
}

func (c command) String() string { return fmt.Sprintf("%s:%d", c.page, c.line) }

// shell runs the commands of one page. What one of them exports, and where it
// goes with cd, holds for the next.
type shell struct {
	t       *testing.T
	dir     string // where it begins
	environ []string
	state   string            // the file that holds what was exported
	instead map[string]string // addresses of the document → those that are free here
}

func newShell(t *testing.T, dir string, environ ...string) *shell {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "openssl", "od", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the examples of the documents need %s: install it", tool)
		}
	}
	// The tests call usher by that name: TestMain sees to it that PATH has it.
	environ = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, environ...)
	return &shell{t, dir, environ, filepath.Join(t.TempDir(), "state"), map[string]string{}}
}

// prepare makes the process of a command.
func (s *shell) prepare(ctx context.Context, c command) *exec.Cmd {
	text := c.text
	for documented, free := range s.instead {
		text = strings.ReplaceAll(text, documented, free)
	}
	const before = `if [ -f "$DOCS_STATE" ]; then . "$DOCS_STATE"; fi` + "\n"
	around := `trap 'code=$?; { export -p; printf "cd %q\n" "$PWD"; } >"$DOCS_STATE"; exit $code' EXIT` + "\n"
	if c.mark == "stays" {
		around = "trap : INT TERM\n"
	}
	p := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", before+around+text)
	p.Dir, p.Env = s.dir, append([]string{"DOCS_STATE=" + s.state}, s.environ...)
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	return p
}

// run runs the commands, and holds what they print to what stands below them.
func (s *shell) run(list ...command) {
	s.t.Helper()
	for _, c := range list {
		if c.mark == "stays" {
			s.stay(c)
			continue
		}
		out := s.output(c)
		switch c.kind {
		case "http":
			example{c.text, c.answer}.check(s.t, answered(s.t, c, out))
		case "text":
			if !says(out, c.answer) {
				s.t.Errorf("%s: got\n%s\nwant\n%s", c, out, c.answer)
			}
		}
		if s.t.Failed() {
			s.t.FailNow() // what follows builds on it
		}
	}
}

// output runs one command to its end, and returns what it printed.
func (s *shell) output(c command) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*natstest.Patience) // for the wait of a command that waits by itself, too
	defer cancel()
	p := s.prepare(ctx, c)
	var out, wrong bytes.Buffer
	p.Stdout, p.Stderr = &out, &wrong
	if err := p.Run(); err != nil {
		s.t.Fatalf("%s: %v\n%s\n%s%s", c, err, c.text, out.String(), wrong.String())
	}
	return out.String()
}

// stay starts a command that goes on until the test ends, and then has it end in
// good order. It waits until the command says what it is to say.
func (s *shell) stay(c command) {
	s.t.Helper()
	log := &natstest.Log{}
	ended := make(chan error, 1)
	p := s.prepare(context.WithoutCancel(s.t.Context()), c)
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { ended <- p.Wait() }()
	s.t.Cleanup(func() {
		err := stopped(p, ended)
		if exit, ok := errors.AsType[*exec.ExitError](err); strings.HasPrefix(c.text, "go run ") && ok && exit.ExitCode() == 1 {
			err = nil // what go run says of every program that is interrupted
		}
		if err != nil || s.t.Failed() {
			s.t.Errorf("%s: ended with %v; it said\n%s", c, err, log)
		}
	})
	natstest.Until(s.t, fmt.Sprintf("%s says\n%s", c, c.answer), func() bool { return says(log.String(), c.answer) })
}

// stopped asks a group of processes to end, and ends it where it does not.
func stopped(p *exec.Cmd, ended <-chan error) error {
	_ = syscall.Kill(-p.Process.Pid, syscall.SIGINT) // Ctrl-C
	select {
	case err := <-ended:
		return err
	case <-time.After(natstest.Patience):
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		return fmt.Errorf("killed: %w", <-ended)
	}
}

func answered(t *testing.T, c command, out string) reply {
	t.Helper()
	got, err := readReply(out)
	if err != nil {
		t.Fatalf("%s: %v: does it print one answer with its headers (curl -i)?\n%s", c, err, out)
	}
	return got
}

// says tells whether text is what a document shows. How wide a gap is does not
// count; … stands for anything in a line, and a line of … for any lines. What a
// document does not show at the beginning and at the end may be there.
func says(text, want string) bool {
	var pattern strings.Builder
	pattern.WriteString(`(?m)`)
	for line := range strings.Lines(want) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		line, open := strings.CutSuffix(line, " …")
		pattern.WriteString("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
		if open {
			pattern.WriteString("(?: .*)?")
		}
		pattern.WriteString("$\n")
	}
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return regexp.MustCompile(pattern.String()).MatchString(lines.String())
}

func TestSays(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string
		says       bool
	}{
		"the same":              {"a b\n", "a b\n", true},
		"another gap":           {"a\tb  \r\n", "a   b\n", true},
		"a part of the lines":   {"x\na\ny\n", "a\n", true},
		"a part of a line":      {"ab\n", "a\n", false},
		"anything in a line":    {"took 17 ms\n", "took … ms\n", true},
		"not over the line":     {"took 17\nms\n", "took … ms\n", false},
		"nothing at the end":    {"ok\n", "ok …\n", true},
		"any lines":             {"a\nb\nc\nd\n", "a\n…\nd\n", true},
		"lines in another turn": {"b\na\n", "a\nb\n", false},
		"marks of expressions":  {"a.b(c)\n", "a.b(c)\n", true},
		"no expression":         {"axb\n", "a.b\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := says(test.text, test.want); got != test.says {
				t.Errorf("got %v, want %v", got, test.says)
			}
		})
	}
}
