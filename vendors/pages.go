package vendors

import "net/http"

const (
	mostPages  = 10_000 // more pages mean a broken list, unless Pages.Most says otherwise
	stalePages = 3      // in a row without a new item; a new account moves others to the next page
)

// Pages follows a list that is read page by page, and stops a list that goes round or does not end. The
// zero value allows 10,000 pages.
type Pages struct {
	Most int // pages of the longest list

	seen        Seen
	fresh       bool // whether the page in hand has a new item
	stale, read int  // pages
}

// Add adds an item of the page in hand, and reports whether the item is new in the list.
func (p *Pages) Add(id string) bool {
	fresh := p.seen.Add(id)
	p.fresh = p.fresh || fresh
	return fresh
}

// Len returns the number of different items.
func (p *Pages) Len() int { return p.seen.Len() }

// Turn ends a page with items before the next one is read. The error, of the call op, means that the
// list is broken.
func (p *Pages) Turn(vendor, op string) error {
	if p.read, p.stale = p.read+1, p.stale+1; p.fresh {
		p.stale = 0
	}
	p.fresh = false
	most := p.Most
	if most == 0 {
		most = mostPages
	}
	broken := &Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true}
	switch {
	case p.stale >= stalePages:
		broken.Message = "the pages of the list go round"
	case p.read >= most:
		broken.Message = "the list does not end"
	default:
		return nil
	}
	return broken
}
