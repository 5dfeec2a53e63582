package vendors

import "net/http"

const (
	mostPages = 10_000 // more pages mean a broken list, unless Pages.Most says otherwise
	// sparedAgain are the items that a list may show again, beside as many as the different ones. New
	// accounts move others to the next page: a list that grows while it is read ends in many short
	// pages without a new item.
	sparedAgain = 1000
)

// Pages follows a list that is read page by page, and stops a list that goes round or does not end. The
// zero value allows 10,000 pages.
type Pages struct {
	Most int // pages of the longest list

	seen  Seen
	again int // items that were shown before
	read  int // pages
}

// Add adds an item of the page in hand, and reports whether the item is new in the list.
func (p *Pages) Add(id string) bool {
	if p.seen.Add(id) {
		return true
	}
	p.again++
	return false
}

// Round reports whether the list has shown so many items again that the pages must go round.
func (p *Pages) Round() bool { return p.again > p.seen.Len()+sparedAgain }

// Len returns the number of different items.
func (p *Pages) Len() int { return p.seen.Len() }

// Turn ends a page with items before the next one is read. The error, of the call op, means that the
// list is broken.
func (p *Pages) Turn(vendor, op string) error {
	p.read++
	most := p.Most
	if most == 0 {
		most = mostPages
	}
	broken := &Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true}
	switch {
	case p.Round():
		broken.Message = "the pages of the list go round"
	case p.read >= most:
		broken.Message = "the list does not end"
	default:
		return nil
	}
	return broken
}
