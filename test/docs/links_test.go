package docs_test

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *(```|~~~).*?^ *(```|~~~)[ \t]*$")
	inline  = regexp.MustCompile("``[^`]+``|`[^`\n]*`")
	link    = regexp.MustCompile(`!?\[[^\]\n]*(?:\n[^\]\n]*)?\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)`)
	html    = regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$`)
	anchor  = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// TestLinks checks the file and the heading of every relative link of every document. Links to other
// sites are not checked.
func TestLinks(t *testing.T) {
	pages := documents(t)
	if len(pages) < 15 {
		t.Fatalf("found %d documents: is root the repository?", len(pages))
	}
	found := 0
	for _, page := range pages {
		for _, to := range linksOf(string(load(t, page))) {
			found++
			if fault := linkFault(t, page, to); fault != "" {
				t.Errorf("%s: %s: %s", page, to, fault)
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d links: does the test still find links?", found)
	}
}

// TestLinksToPages checks that links lead from README.md to each document in docs/.
func TestLinksToPages(t *testing.T) {
	seen := map[string]bool{"README.md": true}
	for next := []string{"README.md"}; len(next) > 0; next = next[1:] {
		for _, to := range linksOf(string(load(t, next[0]))) {
			file, _, _ := strings.Cut(to, "#")
			file = path.Join(path.Dir(next[0]), file)
			if strings.HasSuffix(file, ".md") && !strings.Contains(to, ":") && !seen[file] {
				seen[file], next = true, append(next, file)
			}
		}
	}
	for _, page := range documents(t) {
		if !seen[page] {
			t.Errorf("no links lead from README.md to %s", page)
		}
	}
}

// documents returns the Markdown files of the repository.
func documents(t *testing.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && at != root && (name[0] == '.' || name == "node_modules" || name == "testdata" || name == "data" || name == "dist") {
			return fs.SkipDir
		}
		if rel, err := filepath.Rel(root, at); err == nil && strings.HasSuffix(at, ".md") {
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// linksOf returns the targets of a document's links, without code.
func linksOf(text string) (list []string) {
	text = inline.ReplaceAllString(fenced.ReplaceAllString(text, ""), "`code`")
	for _, expression := range []*regexp.Regexp{link, html} {
		for _, found := range expression.FindAllStringSubmatch(text, -1) {
			list = append(list, found[1])
		}
	}
	return list
}

// linkFault returns the fault of a link, or an empty string.
func linkFault(t *testing.T, page, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "":
		return ""
	case strings.HasPrefix(u.Path, "/"):
		return "begins at the root, which is another one in a clone than on a site"
	}
	file := page
	if u.Path != "" {
		file = path.Join(path.Dir(page), u.Path)
	}
	if strings.HasPrefix(file, "../") || !exists(file) {
		return "leads to no file"
	}
	if u.Fragment != "" && strings.HasSuffix(file, ".md") && !slices.Contains(anchors(string(load(t, file))), u.Fragment) {
		return "there is no such heading"
	}
	return ""
}

// exists reports whether the repository has a file or folder of exactly this name: another case works
// on some machines only.
func exists(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		beside, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(path.Dir(name))))
		if err != nil || !slices.ContainsFunc(beside, func(d fs.DirEntry) bool { return d.Name() == path.Base(name) }) {
			return false
		}
	}
	return true
}

// anchors returns the anchors of a page's headings by the rules of GitHub.
func anchors(text string) (names []string) {
	for _, found := range anchor.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	times := map[string]int{}
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			default:
				return -1
			}
		}, link.ReplaceAllStringFunc(found[1], func(whole string) string { return whole[1:strings.Index(whole, "]")] }))
		n := times[name]
		times[name]++
		if n > 0 {
			name += "-" + strconv.Itoa(n)
		}
		names = append(names, name)
	}
	return names
}

func TestLinkFault(t *testing.T) {
	for name, test := range map[string]struct {
		to   string
		good bool
	}{
		"a file":                 {"../README.md", true},
		"a heading":              {"reliability.md#a-process-that-dies", true},
		"a heading of this page": {"#environment", false},
		"no file":                {"../READYOU.md", false},
		"another case":           {"../readme.md", false},
		"no heading":             {"reliability.md#a-process-that-lives", false},
		"outside":                {"../../elsewhere.md", false},
		"the root":               {"/docs/http.md", false},
		"another site":           {"https://example.org/nothing", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := linkFault(t, "docs/http.md", test.to); (got == "") != test.good {
				t.Errorf("got %q, want good: %v", got, test.good)
			}
		})
	}
}

func TestLinksOf(t *testing.T) {
	text := "[a](b.md) `[code](no.md)` ![i](p.png \"title\")\n```\n[no](no.md)\n```\n[two\nlines](c.md#x) <a href=\"d.md\">\n"
	if got, want := strings.Join(linksOf(text), " "), "b.md p.png c.md#x d.md"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
