package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by name, each with the layout and the parts.
type pages map[string]*template.Template

// view is the input of a template.
type view struct {
	Title   string
	Here    string // the path of the page
	Who     visitor
	Form    string // the key in every form, against requests of other sites
	Version string
	Notice  string
	Now     time.Time
	Reload  bool // the page reloads itself
	Demo    bool // vendors are stand-ins with injected faults
	Data    any
}

// pair are two values for a part of a template.
type pair struct{ One, Two any }

// With returns the view with other data, for a part of a page.
func (v view) With(data any) view {
	v.Data = data
	return v
}

// ID returns an id for this visitor. E-mail addresses are masked for readers.
func (v view) ID(id string) string {
	if v.Who.Operator {
		return id
	}
	return maskID(id)
}

// Known reports whether this visitor may see the whole id, and follow a link with the id.
func (v view) Known(id string) bool { return id != "" && v.ID(id) == id }

// menu lists the pages in the menu.
var menu = []struct {
	Path, Name string
	Operator   bool // for operators only
}{
	{Path: root, Name: "Overview"},
	{Path: root + "feed", Name: "Live feed"},
	{Path: root + "dead", Name: "Dead letters"},
	{Path: root + "deletions", Name: "Held deletions"},
	{Path: root + "user", Name: "Users"},
	{Path: root + "send", Name: "Send", Operator: true},
	{Path: root + "audit", Name: "Audit"},
	{Path: root + "configuration", Name: "Configuration"},
}

func newPages(files *assets) (pages, error) {
	functions := template.FuncMap{
		"asset": files.path, "mask": func(text string) template.HTML { return timed(mask(text)) }, "timed": timed,
		"ago": ago, "stamp": stamp, "clock": clockHTML, "dayTime": dayTime, "number": number,
		"plural": plural, "add": func(a, b int) int { return a + b }, "words": words, "kind": stateKind, "atVendor": atVendorKind, "would": wouldKind, "action": actionName, "letterPath": letterPath, "menu": func() any { return menu },
		"vendorPath": vendorPath, "pair": func(one, two any) pair { return pair{one, two} }, "doc": docPath, "shown": shownText, "days": daysName,
		"within": func(here, p string) bool { return here == p || p != root && strings.HasPrefix(here, p) },
	}
	common, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts_*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	found := pages{}
	for _, name := range names {
		page, err := common.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, name)
		}
		if err != nil {
			return nil, err
		}
		found[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return found, nil
}

// render returns a part shared by all pages.
func (p pages) render(part string, v view) (string, error) {
	var out bytes.Buffer
	err := p["layout"].ExecuteTemplate(&out, part, v)
	return withoutBidi(out.String()), err
}

// withoutBidi replaces the controls of the direction of text: a value could otherwise change the
// order of the text around.
func withoutBidi(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// view returns the input of a template for a visitor.
func (c *Console) view(here string, who visitor, a answer) view {
	return view{
		Title: a.title, Here: here, Who: who, Form: who.csrf, Version: c.deps.Version, Notice: a.notice,
		Now: time.Now().UTC(), Reload: a.status == http.StatusServiceUnavailable, Data: a.data,
		Demo: c.config.Open && !c.config.closed(),
	}
}

// give writes an answer.
func (c *Console) give(w http.ResponseWriter, r *http.Request, who visitor, a answer) {
	if a.cookie != nil {
		http.SetCookie(w, a.cookie)
	}
	if a.refresh != "" {
		w.Header().Set("Refresh", "0; url="+a.refresh)
	}
	if a.page == "" {
		http.Redirect(w, r, a.to, http.StatusSeeOther)
		return
	}
	var out bytes.Buffer
	name := "layout"
	if a.bare {
		name = a.page
	}
	set, ok := c.pages[a.page]
	if !ok {
		set = c.pages["layout"]
	}
	if err := set.ExecuteTemplate(&out, name, c.view(r.URL.Path, who, a)); err != nil {
		c.deps.Log.Error().Err(err).Str("page", a.page).Msg("console: the page cannot be made")
		http.Error(w, fmt.Sprintf("the page %s cannot be made: this is a fault of usher; its log says more", a.page), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, withoutBidi(out.String()))
}
