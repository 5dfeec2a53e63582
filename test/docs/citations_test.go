package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const designPage = "docs/design.md"

var (
	commentBreak = regexp.MustCompile(`\s*\n\s*//\s*`)
	citation     = regexp.MustCompile(`docs/design\.md, (?:section|rule)s? (\d+(?:\.\d+)?(?:(?:, | and | to )\d+(?:\.\d+)?)*)`)
	ruleNumber   = regexp.MustCompile(`\d+(?:\.\d+)?`)
	sectionTitle = regexp.MustCompile(`(?m)^## (\d+)\. `)
	ruleTitle    = regexp.MustCompile(`(?m)^(?:<a id="rule-(\d+\.\d+)"></a>\s+)?\*\*Rule (\d+\.\d+)\.`)
	testName     = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
)

// TestCitations checks that docs/design.md has each section and rule cited by the Go
// code, and that the Go code has each test named by docs/design.md.
func TestCitations(t *testing.T) {
	page := string(load(t, designPage))
	known := numbersOf(t, page)
	code, found := "", 0
	for name, text := range goFiles(t) {
		code += text
		for _, number := range citedBy(text) {
			found++
			if !known[number] {
				t.Errorf("%s cites %s of %s: no such section or rule", name, number, designPage)
			}
		}
	}
	if found < 15 {
		t.Errorf("found %d citations: has the form changed?", found)
	}
	for _, name := range testName.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(code, "\nfunc "+name[1]+"(") {
			t.Errorf("%s names %s: no such test", designPage, name[1])
		}
	}
}

// codeLine is a line under a rule: Code: `Name` and `Name` in `path`, `Name` in `path`.
var (
	codeLine = regexp.MustCompile(`(?s)\nCode: (.+?)\.\n\n`)
	codePart = regexp.MustCompile("((?:`\\w+`(?:,\\s+|\\s+and\\s+)?)+)\\s+in\\s+`([^`]+\\.go)`")
	codeName = regexp.MustCompile("`(\\w+)`")
)

// TestCodeOfRules checks that each function named under a rule is in the named file.
func TestCodeOfRules(t *testing.T) {
	found := 0
	for _, line := range codeLine.FindAllStringSubmatch(string(load(t, designPage)), -1) {
		for _, part := range codePart.FindAllStringSubmatch(line[1], -1) {
			text := string(load(t, part[2]))
			for _, name := range codeName.FindAllStringSubmatch(part[1], -1) {
				found++
				if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + name[1] + `[(\[]`).MatchString(text) {
					t.Errorf("%s names %s in %s: no such function", designPage, name[1], part[2])
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("found %d functions: has the form changed?", found)
	}
}

// numbersOf returns the numbers of all sections and rules of a page. Every rule must have a unique
// number and an anchor with the number.
func numbersOf(t *testing.T, page string) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, title := range sectionTitle.FindAllStringSubmatch(page, -1) {
		known[title[1]] = true
	}
	for _, title := range ruleTitle.FindAllStringSubmatch(page, -1) {
		anchor, number := title[1], title[2]
		if anchor != number || known[number] {
			t.Errorf("%s: rule %s is repeated, or has the anchor %q", designPage, number, anchor)
		}
		known[number] = true
	}
	return known
}

// citedBy returns the numbers of docs/design.md cited by the text of a Go file.
func citedBy(text string) (numbers []string) {
	text = commentBreak.ReplaceAllString(text, " ")
	for _, cited := range citation.FindAllStringSubmatch(text, -1) {
		numbers = append(numbers, ruleNumber.FindAllString(cited[1], -1)...)
	}
	return numbers
}

// goFiles returns the text of each Go file of the repository, by its path.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && at != root && (d.Name()[0] == '.' || d.Name() == "node_modules" || d.Name() == "data"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(at, ".go"):
			return nil
		}
		text, err := os.ReadFile(at)
		files[at] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCitedBy(t *testing.T) {
	cite := designPage + ", " // in two parts, so that this file cites nothing
	for name, test := range map[string]struct{ text, want string }{
		"a rule":          {"// calls (" + cite + "rule 5.3).", "5.3"},
		"a section":       {"// states: " + cite + "section 12.\n", "12"},
		"several rules":   {"// (" + cite + "rules 5.1, 5.4 and 6.2)", "5.1 5.4 6.2"},
		"a range":         {"// " + cite + "rules 12.1 to 12.3: all", "12.1 12.3"},
		"a broken line":   {"\t// see docs/design.md,\n\t// rule 5.10.", "5.10"},
		"another text":    {"// docs/design.md holds the rules", ""},
		"another section": {"// docs/http.md, section 3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(citedBy(test.text), " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
