package console

import (
	"context"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

const (
	maxSearched = 100_000          // results read by one search
	searchTime  = 10 * time.Second // of one search
)

// search reads the results of a filter from the stream, the newest first, and returns a note about
// results not read. Without a start, the search covers the last results.
func search(ctx context.Context, results *streams.Results, f feedFilter) (rows []row, gap string, err error) {
	limit, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	q := streams.ResultsQuery{Types: resultTypes(f), Since: f.Since}
	if f.Vendor != "" {
		q.Vendors = []string{f.Vendor}
	}
	if f.Since.IsZero() {
		extent, err := results.Extent(ctx)
		if err != nil {
			return nil, "", err
		}
		if extent.Last-extent.First >= maxSearched {
			q.After = extent.Last - maxSearched
			gap = "Only the last " + number(maxSearched) + " results were read: choose a time for older ones."
		}
	}
	read := 0
	for h, err := range results.Stored(limit, q) {
		switch {
		case limit.Err() != nil && ctx.Err() == nil:
			return newestFirst(rows), "Only the oldest " + number(read) + " results of this time were read: choose a shorter time.", nil
		case err != nil:
			return nil, "", err
		case !f.Until.IsZero() && !h.At.Before(f.Until):
			return newestFirst(rows), gap, nil
		}
		if r, ok := rowOf(h); ok && f.fits(r) {
			if len(rows) == maxRows {
				rows = slices.Delete(rows, 0, 1)
			}
			rows = append(rows, r)
		}
		if read++; read == maxSearched {
			return newestFirst(rows), "Only the oldest " + number(read) + " results of this time were read: choose a shorter time.", nil
		}
	}
	return newestFirst(rows), gap, nil
}

func newestFirst(rows []row) []row {
	slices.Reverse(rows)
	return rows
}

// resultTypes returns the types of results of a filter; nil for all.
func resultTypes(f feedFilter) (list []string) {
	outcomes := []string{events.Done, events.Failed, events.Superseded}
	switch {
	case f.Type != "":
	case f.Course != "":
		return events.CourseResultTypes()
	default:
		return nil
	}
	for _, outcome := range outcomes {
		if kind := events.ResultType(f.Type, outcome); f.Kind == "" || kindOf(kind) == f.Kind {
			list = append(list, kind)
		}
	}
	return list
}
