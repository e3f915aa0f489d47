package person

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// Job is a job as the list of jobs shows it.
type Job struct {
	ID     int64
	Title  string
	People string // "For … · by …"
	Budget string // "100.00 MXN"
	State  string // reviewing, complete, …
}

// Jobs are those that the payer funds, the newest first: every page of them.
func (p *Payer) Jobs(ctx context.Context) ([]Job, error) {
	return p.jobs(ctx, p.marketplace+"/?role=funder")
}

func (p *Payer) jobs(ctx context.Context, address string) ([]Job, error) {
	var jobs []Job
	for {
		page, err := p.Browser.Open(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("open the list of jobs: %w", err)
		}
		page.Document.Find("li[data-job]").Each(func(_ int, line *goquery.Selection) {
			text := func(selector string) string {
				return strings.Join(strings.Fields(line.Find(selector).First().Text()), " ")
			}
			id, err := strconv.ParseInt(line.AttrOr("data-job", ""), 10, 64)
			if err != nil {
				return
			}
			jobs = append(jobs, Job{
				ID: id, Title: text(".job-title"), People: text(".job-main p"), Budget: text(".job-money"),
				State: line.Find("[data-job-state]").AttrOr("data-job-state", ""),
			})
		})
		next, more := page.Document.Find("a[rel=next]").Attr("href")
		if !more {
			return jobs, nil
		}
		following, err := page.URL.Parse(next)
		if err != nil {
			return nil, fmt.Errorf("the next page of jobs: %w", err)
		}
		address = following.String()
	}
}

// JobToPay is one with that budget ("100.00 MXN") whose work waits to be paid.
func (p *Payer) JobToPay(ctx context.Context, budget string) (Job, error) {
	jobs, err := p.jobs(ctx, p.marketplace+"/?role=funder&state=reviewing")
	if err != nil {
		return Job{}, err
	}
	for _, j := range jobs {
		if j.Budget == budget {
			return j, nil
		}
	}
	return Job{}, fmt.Errorf("among %d jobs, none of %s waits to be paid", len(jobs), budget)
}
