package main

import (
	"embed"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/page"
)

//go:embed templates
var templates embed.FS

var indexPage = page.Must(templates, "templates/index.html")

type indexRow struct {
	Name, URL, Wallet, Tenant string
	Balance                   sandbox.Amount
}

// index says what this is, and what is in it.
func (p *Program) index(c echo.Context) error {
	data := struct {
		URL     string
		Wallets []indexRow
	}{URL: p.URL()}
	for _, a := range p.bank.Accounts() {
		data.Wallets = append(data.Wallets, indexRow{
			Name: a.PublicName, Wallet: a.Name, URL: p.bank.WalletAddress(a.Name), Tenant: a.Tenant,
			Balance: sandbox.Amount{Value: a.Balance, Asset: a.Asset},
		})
	}
	return page.Render(c, http.StatusOK, indexPage, data)
}
