/** @module One line of a bill: so many units at a price, and where their number comes from. */
import { type Price, type PriceName, type Prices, toPriceText } from './prices.ts';

export interface CostLine {
  readonly what: string;
  readonly usd: number;
  readonly quantity: number;
  readonly price: PriceName;
  /** Where the quantity comes from. */
  readonly because: string;
}

export function toLine(prices: Prices, what: string, quantity: number, price: PriceName, because: string): CostLine {
  const { usd, per } = prices[price];
  return { what, usd: (quantity * usd) / per, quantity, price, because };
}

export const total = (lines: readonly CostLine[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);

/** `2M write units × $0.625/M`. */
export function toFormula(quantity: number, price: Price): string {
  const unit = quantity === 1 ? price.unit.replace(/s$/, '') : price.unit;
  return `${toQuantity(quantity)} ${unit} × ${toPriceText(price)}`;
}

/** Four significant digits: `1.25M`, `12.5k`, `8,640`, `0.42`. */
export function toQuantity(quantity: number): string {
  const [divisor, end] = quantity > 999_949 ? [1_000_000, 'M'] : quantity >= 10_000 ? [1_000, 'k'] : [1, ''];
  return (quantity / divisor).toLocaleString('en', { maximumSignificantDigits: 4 }) + end;
}

/** To a tenth of a cent. */
export const toDollars = (usd: number): string => `$${usd.toFixed(3)}`;
