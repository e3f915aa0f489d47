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

// Jobs are those that the payer sees.
func (p *Payer) Jobs(ctx context.Context) ([]Job, error) {
	page, err := p.Browser.Open(ctx, p.marketplace+"/")
	if err != nil {
		return nil, fmt.Errorf("open the list of jobs: %w", err)
	}
	var jobs []Job
	page.Document.Find("li[data-job]").Each(func(_ int, line *goquery.Selection) {
		text := func(selector string) string { return strings.Join(strings.Fields(line.Find(selector).Text()), " ") }
		id, err := strconv.ParseInt(line.AttrOr("data-job", ""), 10, 64)
		if err != nil {
			return
		}
		jobs = append(jobs, Job{
			ID: id, Title: text(".job-title"), People: text(".job-main p"), Budget: text(".job-money"),
			State: line.Find("[data-job-state]").AttrOr("data-job-state", ""),
		})
	})
	return jobs, nil
}

// JobToPay is one with that budget ("100.00 MXN") whose work waits to be paid.
func (p *Payer) JobToPay(ctx context.Context, budget string) (Job, error) {
	jobs, err := p.Jobs(ctx)
	if err != nil {
		return Job{}, err
	}
	for _, j := range jobs {
		if j.State == "reviewing" && j.Budget == budget {
			return j, nil
		}
	}
	return Job{}, fmt.Errorf("among %d jobs, none of %s waits to be paid", len(jobs), budget)
}
