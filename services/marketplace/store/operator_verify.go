package store

import (
	"context"
	"fmt"

	"tianguis.example/marketplace"
)

// verifyAtATime is how many actions are read in one query.
const verifyAtATime = 1000

// VerifyActions follows the chain of what operators did, and says where it is broken: the newest of them, or all for 0. With an anchor
// ("<number>:<hash>") that was kept elsewhere, it also finds a trail that was written anew.
func (s *Store) VerifyActions(ctx context.Context, newest int64, anchor string) (marketplace.ActionsChecked, error) {
	// The end first: what is appended meanwhile comes after it, and is not looked at.
	var end chainEnd
	if err := s.db.Read(ctx).Raw("SELECT number, hash FROM operator_actions_end WHERE one = 1").Scan(&end).Error; err != nil {
		return marketplace.ActionsChecked{}, err
	}
	v := verification{anchor: anchor, anchored: anchor == ""}
	if newest > 0 && end.Number > newest {
		before, err := s.actions(ctx, "WHERE number <= ? ORDER BY number DESC LIMIT 1", end.Number-newest)
		if err != nil {
			return v.ActionsChecked, err
		}
		if len(before) > 0 {
			v.end = chainEnd{before[0].Number, before[0].Hash}
		}
	}
	v.From = v.end.Number + 1
	for {
		page, err := s.actions(ctx, "WHERE number > ? AND number <= ? ORDER BY number LIMIT ?", v.end.Number, end.Number, verifyAtATime)
		if err != nil {
			return v.ActionsChecked, err
		}
		for _, a := range page {
			v.follow(a)
		}
		if len(page) < verifyAtATime {
			break
		}
	}
	v.close(end)
	return v.ActionsChecked, nil
}

// verification goes along a chain.
type verification struct {
	marketplace.ActionsChecked
	end      chainEnd // so far
	anchor   string
	anchored bool // the anchor was met, or there is none
}

func (v *verification) found(number int64, flaw marketplace.Flaw) {
	if len(v.Findings) < marketplace.MaxFindings {
		v.Findings = append(v.Findings, marketplace.ActionFinding{Number: number, Flaw: flaw})
	}
}

func (v *verification) follow(a marketplace.OperatorAction) {
	if a.Number != v.end.Number+1 {
		v.found(a.Number, marketplace.FlawMissing)
	} else if a.Hash != hashAfter(v.end.Hash, a) {
		v.found(a.Number, marketplace.FlawChanged)
	}
	v.end = chainEnd{a.Number, a.Hash}
	v.anchored = v.anchored || v.anchor == anchorOf(v.end)
}

func (v *verification) close(end chainEnd) {
	if v.end != end {
		v.found(end.Number, marketplace.FlawEnd)
	}
	if v.To = v.end.Number; v.To > 0 {
		v.Anchor = anchorOf(v.end)
	}
	if !v.anchored {
		var number int64
		_, _ = fmt.Sscanf(v.anchor, "%d:", &number)
		v.found(number, marketplace.FlawAnchor)
	}
}

func anchorOf(end chainEnd) string { return fmt.Sprintf("%d:%s", end.Number, end.Hash) }
